#include "murmur/distributed/mpi_session.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include "murmur/engine/error.hpp"

#ifdef MURMUR_HAS_MPI
#include <mpi.h>
#endif

namespace murmur {

bool MpiSession::is_launched() {
  // Open MPI's mpirun; srun --mpi=pmix, and PRRTE; MPICH's and Slurm's own (PMI).
  constexpr std::array kVariables{"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
  if (std::ranges::none_of(kVariables, [](const char* name) { return std::getenv(name) != nullptr; })) return false;
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    if (const char* size = std::getenv(name)) return std::string_view(size) != "1";
  }
  return true;  // PMIx alone says nothing of the size
}

#ifdef MURMUR_HAS_MPI

namespace {

constexpr int kTag = 1;

/// Messages as CBOR: numbers keep their bits, NaN too.
class MpiChannel final : public Channel {
 public:
  explicit MpiChannel(int rank) : rank_(rank) {}
  ~MpiChannel() override {
    for (const auto& sent : sent_) MPI_Wait(&sent->request, MPI_STATUS_IGNORE);
  }
  MpiChannel(const MpiChannel&) = delete;
  MpiChannel& operator=(const MpiChannel&) = delete;

  void send(const nlohmann::json& message) override {
    // A buffered send would copy, and a plain one may wait for the receiver, who may be within an epoch.
    while (!sent_.empty() && is_done(sent_.front())) sent_.erase(sent_.begin());
    Sent& sent = *sent_.emplace_back(std::make_unique<Sent>());
    sent.bytes = nlohmann::json::to_cbor(message);
    MPI_Isend(sent.bytes.data(), static_cast<int>(sent.bytes.size()), MPI_BYTE, rank_, kTag, MPI_COMM_WORLD,
              &sent.request);
  }

  std::optional<nlohmann::json> try_receive() override {
    int is_there = 0;
    MPI_Status status;
    MPI_Iprobe(rank_, kTag, MPI_COMM_WORLD, &is_there, &status);
    if (is_there == 0) return std::nullopt;
    int size = 0;
    MPI_Get_count(&status, MPI_BYTE, &size);
    std::vector<uint8_t> bytes(static_cast<size_t>(size));
    MPI_Recv(bytes.data(), size, MPI_BYTE, rank_, kTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return nlohmann::json::from_cbor(bytes);
  }

 private:
  struct Sent {
    std::vector<uint8_t> bytes;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  static bool is_done(const std::unique_ptr<Sent>& sent) {
    int done = 0;
    MPI_Test(&sent->request, &done, MPI_STATUS_IGNORE);
    return done != 0;
  }

  int rank_;
  std::vector<std::unique_ptr<Sent>> sent_;  // what MPI may still be reading
};

}  // namespace

MpiSession::MpiSession() {
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  MPI_Comm machine = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &machine);
  MPI_Comm_rank(machine, &local_rank_);
  MPI_Comm_size(machine, &local_size_);
  MPI_Comm_free(&machine);
}

MpiSession::~MpiSession() {
  MPI_Finalize();
}

std::vector<RankChannel> MpiSession::connect() const {
  std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
  int length = 0;
  MPI_Get_processor_name(name.data(), &length);
  std::vector<char> names(rank_ == 0 ? name.size() * static_cast<size_t>(size_) : 0);
  MPI_Gather(name.data(), MPI_MAX_PROCESSOR_NAME, MPI_CHAR, names.data(), MPI_MAX_PROCESSOR_NAME, MPI_CHAR, 0,
             MPI_COMM_WORLD);
  std::vector<RankChannel> channels;
  if (rank_ != 0) return {{"rank 0", std::make_shared<MpiChannel>(0)}};
  for (int rank = 1; rank < size_; ++rank) {
    const char* host = names.data() + name.size() * static_cast<size_t>(rank);
    channels.push_back({fmt::format("rank {} on {}", rank, host), std::make_shared<MpiChannel>(rank)});
  }
  return channels;
}

#else

MpiSession::MpiSession() {
  throw InvalidArgument("mpirun: expected a build with MPI (libopenmpi-dev, see docs/clusters.md), got one without");
}

MpiSession::~MpiSession() = default;

std::vector<RankChannel> MpiSession::connect() const {
  return {};
}

#endif

}  // namespace murmur
