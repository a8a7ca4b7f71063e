#pragma once

#include <memory>

#include "app/options.hpp"
#include "murmur/data/dataset.hpp"
#include "murmur/distributed/mpi_session.hpp"
#include "murmur/distributed/ranks.hpp"

namespace murmur::app {

/// The processes that mpirun or srun has started with this one; none of them, and nothing to do, where it was started
/// by itself. Rank 0 runs the command; the others train for it, and know nothing of the command line. Lives as long as
/// main.
class Cluster {
 public:
  /// Throws: InvalidArgument in a build without MPI.
  Cluster();
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  bool serves() const { return session_ && session_->rank() > 0; }
  /// Trains for rank 0 until the end.
  void serve();
  /// The exit code of rank 0's command. After a signal, with which the launcher is ending the others too, does not
  /// return: nobody is there to be told.
  int leave(int code);

 private:
  std::unique_ptr<MpiSession> session_;
  std::unique_ptr<Ranks> ranks_;  // of rank 0
};

/// Of rank 0 of several; null elsewhere.
Ranks* ranks();
/// 1 without a launcher.
int num_ranks();

/// The images of the options, which the other ranks load too. Throws: as load_dataset; DataError where they have
/// others.
Dataset load_on_all_ranks(const CommonOptions& options);

}  // namespace murmur::app
