#pragma once

#include <memory>
#include <string>

#include "murmur/distributed/distributed_trainer.hpp"

namespace murmur {

/// This process's part in the job of an mpirun or srun. Used by one thread.
class MpiSession {
 public:
  /// Whether a launcher has started this process as one of several, by the variables that launchers set: otherwise MPI
  /// is not even initialized.
  static bool is_launched();

  /// Throws: InvalidArgument in a build without MPI.
  MpiSession();
  /// Waits for the other ranks to do the same.
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  /// Among the ranks of this machine, and how many these are.
  int local_rank() const { return local_rank_; }
  int local_size() const { return local_size_; }

  /// Of rank 0 to each other rank, in their order; all ranks call it. Of another rank: to rank 0.
  std::vector<RankChannel> connect() const;

 private:
  int rank_ = 0, size_ = 1, local_rank_ = 0, local_size_ = 1;
};

}  // namespace murmur
