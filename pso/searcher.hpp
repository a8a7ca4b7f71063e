#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace murmur {

/// A search has fewer trials than this.
inline constexpr int64_t kMaxTrials = int64_t{1} << 40;

/// What a candidate that failed counts as.
inline constexpr double kNoFitness = -std::numeric_limits<double>::infinity();

/// A position to evaluate. Ids count the candidates from 0 in the order in which they were asked.
struct Candidate {
  int64_t id;
  int64_t particle;  // who asked; of a searcher without particles: the id
  std::vector<double> position;
  bool stage_one = false;  // to evaluate cheaply: see `Searcher::stage_one`
  bool operator==(const Candidate&) const = default;
};

/// One evaluation that a searcher was told, as a study records it so that a search can be resumed: see
/// `Searcher::replay`.
struct ToldCandidate {
  int64_t id;         // the candidate's
  double fitness;     // as it was told
  int64_t num_asked;  // `Searcher::num_asked()` just before it was told
};

/// A search algorithm, ask/tell, maximising; it knows nothing of what it optimises.
/// State: it follows from how the searcher was made and from the order of asks and tells alone: the same calls give the
///        same state, which is how a search is resumed. ask(n) equals n times ask(1).
class Searcher {
 public:
  struct Best {
    std::vector<double> position;
    double fitness;
    int64_t id;  // the candidate
  };
  /// Cheap evaluations that come before all others; their fitnesses do not compare with those.
  struct StageOne {
    int64_t num_candidates = 0;  // 0: there is no stage one
    int64_t num_epochs = 0;      // of training for each
  };

  Searcher() = default;
  Searcher(const Searcher&) = default;
  Searcher& operator=(const Searcher&) = default;
  Searcher(Searcher&&) = default;
  Searcher& operator=(Searcher&&) = default;
  virtual ~Searcher() = default;

  /// Up to n candidates; fewer, or none, when others must be told first. Throws: InvalidArgument for n < 0.
  virtual std::vector<Candidate> ask(int64_t n) = 0;

  /// The fitness of a candidate, once, in any order. NaN counts as -infinity (a candidate that failed).
  /// Throws: InvalidArgument when no such candidate is outstanding.
  virtual void tell(int64_t id, double fitness) = 0;

  /// Repeats a recorded search on a new searcher: the tells in their order, each after as many asks as there were then,
  /// then asks up to `num_asked` in all. `asked`, where it is given, sees every candidate as it is asked for.
  /// Afterwards the searcher is in the state of the recorded one, and `outstanding` are the candidates that were asked
  /// and never told: evaluate them again, under their old ids. Throws: InvalidArgument when the record does not fit, or
  /// the searcher is not new; whatever `asked` throws.
  void replay(std::span<const ToldCandidate> told, int64_t num_asked,
              const std::function<void(const Candidate&)>& asked = {});

  /// The candidates asked and not told, by id.
  virtual std::vector<Candidate> outstanding() const = 0;

  /// The best of all, the first of equals; none while every fitness was NaN or -infinity. Stage one does not count.
  virtual const std::optional<Best>& best() const = 0;

  /// True when it does not expect to find anything better.
  virtual bool converged() const = 0;

  virtual int64_t num_asked() const = 0;
  virtual int64_t num_told() const = 0;

  virtual StageOne stage_one() const { return {}; }

  /// How many candidates are best evaluated at once.
  virtual int64_t num_at_once() const = 0;

  /// For people: "22 particles".
  virtual std::string describe() const = 0;
};

}  // namespace murmur
