#pragma once

#include <Eigen/Dense>
#include <cstdint>
#include <vector>

namespace murmur {

/// The normal distribution of a covariance matrix adaptation evolution strategy, which learns from ranked samples:
/// N(mean, sigma^2 A C A), A diagonal (1 except where `set_marginal` changed it).
/// Source: Hansen, "The CMA evolution strategy: a tutorial", arXiv:1604.00772 (2016), whose default parameters these
///         are, the negative weights among them; samples of another distribution are injected as in Hansen,
///         arXiv:1110.4181 (2011): their steps are shortened to a length that this distribution would give.
class CmaDistribution {
 public:
  /// `sigma` > 0; `num_samples` >= 2 a generation.
  CmaDistribution(Eigen::VectorXd mean, double sigma, int64_t num_samples);

  /// Of a standard normal vector, a sample.
  Eigen::VectorXd sample(const Eigen::VectorXd& standard) const;

  struct Ranked {
    Eigen::VectorXd x;
    bool is_own;  // a sample of this distribution as it is, not of an earlier one
  };
  /// Learns from a generation, the best first; as many as `num_samples`.
  void update(const std::vector<Ranked>& generation);

  /// The step size is multiplied; where a generation was flat.
  void widen(double factor) { sigma_ *= factor; }

  /// Mean and standard deviation of one dimension: what is set there afterwards is what `sample` has.
  double mean(int64_t d) const { return mean_[d]; }
  double deviation(int64_t d) const { return sigma_ * scale_[d] * std::sqrt(covariance_(d, d)); }
  void set_marginal(int64_t d, double mean, double deviation);

  const Eigen::VectorXd& mean() const { return mean_; }
  double sigma() const { return sigma_; }
  const Eigen::MatrixXd& covariance() const { return covariance_; }
  const std::vector<double>& weights() const { return weights_; }
  int64_t num_samples() const { return static_cast<int64_t>(weights_.size()); }
  int64_t num_generations() const { return num_generations_; }
  /// The largest standard deviation of any direction, and of the longest axis by the shortest, squared.
  double largest_deviation() const { return sigma_ * lengths_.maxCoeff(); }
  double condition() const;

 private:
  void set_weights(int64_t num_samples);
  void decompose();

  int64_t n_;
  Eigen::VectorXd mean_, scale_;
  double sigma_;
  Eigen::MatrixXd covariance_;
  Eigen::MatrixXd axes_;     // eigenvectors of the covariance, as of the last `decompose`
  Eigen::VectorXd lengths_;  // square roots of its eigenvalues
  Eigen::VectorXd path_sigma_, path_c_;
  std::vector<double> weights_;  // of the ranks, the best first; the worse half's are negative
  double mu_effective_ = 0, c_sigma_ = 0, d_sigma_ = 0, c_c_ = 0, c_1_ = 0, c_mu_ = 0, expected_length_ = 0;
  int64_t num_generations_ = 0;
};

}  // namespace murmur
