#include "murmur/pso/cma_distribution.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

// Less than this and the covariance has no inverse in double: an eigenvalue is kept above it, of the largest.
constexpr double kLeastEigenvalue = 1e-20;

}  // namespace

CmaDistribution::CmaDistribution(Eigen::VectorXd mean, double sigma, int64_t num_samples)
    : n_(mean.size()),
      mean_(std::move(mean)),
      scale_(Eigen::VectorXd::Ones(n_)),
      sigma_(sigma),
      covariance_(Eigen::MatrixXd::Identity(n_, n_)),
      axes_(Eigen::MatrixXd::Identity(n_, n_)),
      lengths_(Eigen::VectorXd::Ones(n_)),
      path_sigma_(Eigen::VectorXd::Zero(n_)),
      path_c_(Eigen::VectorXd::Zero(n_)) {
  if (n_ < 1 || !(sigma > 0) || num_samples < 2) {
    throw InvalidArgument("cmaes: expected a dimension, sigma > 0 and 2 samples or more, got {}, {} and {}", n_, sigma,
                          num_samples);
  }
  set_weights(num_samples);
}

void CmaDistribution::set_weights(int64_t num_samples) {
  const auto n = static_cast<double>(n_);
  const auto count = static_cast<size_t>(num_samples);
  const size_t num_parents = count / 2;
  double sum = 0, squares = 0, negative = 0, negative_squares = 0;
  for (size_t i = 0; i < count; ++i) {
    const double w = std::log((static_cast<double>(num_samples) + 1) / 2) - std::log(static_cast<double>(i + 1));
    weights_.push_back(w);
    (i < num_parents ? sum : negative) += w;
    (i < num_parents ? squares : negative_squares) += w * w;
  }
  const double mu = sum * sum / squares;
  const double negative_mu = negative * negative / negative_squares;
  mu_effective_ = mu;
  c_sigma_ = (mu + 2) / (n + mu + 5);
  d_sigma_ = 1 + 2 * std::max(0.0, std::sqrt((mu - 1) / (n + 1)) - 1) + c_sigma_;
  c_c_ = (4 + mu / n) / (n + 4 + 2 * mu / n);
  c_1_ = 2 / ((n + 1.3) * (n + 1.3) + mu);
  c_mu_ = std::min(1 - c_1_, 2 * (0.25 + mu + 1 / mu - 2) / ((n + 2) * (n + 2) + mu));
  const double least = std::min({1 + c_1_ / c_mu_, 1 + 2 * negative_mu / (mu + 2), (1 - c_1_ - c_mu_) / (n * c_mu_)});
  for (size_t i = 0; i < count; ++i) weights_[i] *= i < num_parents ? 1 / sum : least / std::abs(negative);
  expected_length_ = std::sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
}

Eigen::VectorXd CmaDistribution::sample(const Eigen::VectorXd& standard) const {
  const Eigen::VectorXd step = axes_ * lengths_.cwiseProduct(standard);
  return mean_ + sigma_ * scale_.cwiseProduct(step);
}

void CmaDistribution::update(const std::vector<Ranked>& generation) {
  if (generation.size() != weights_.size()) {
    throw InvalidArgument("cmaes: expected a generation of {} samples, got {}", weights_.size(), generation.size());
  }
  const auto n = static_cast<double>(n_);
  const double longest = std::sqrt(n) + 2 * n / (n + 2);
  const auto whiten = [this](const Eigen::VectorXd& y) -> Eigen::VectorXd {
    return axes_ * (axes_.transpose() * y).cwiseQuotient(lengths_);
  };
  std::vector<Eigen::VectorXd> steps;
  std::vector<double> lengths;
  Eigen::VectorXd mean_step = Eigen::VectorXd::Zero(n_);
  for (size_t i = 0; i < generation.size(); ++i) {
    Eigen::VectorXd y = (generation[i].x - mean_).cwiseQuotient(sigma_ * scale_);
    double length = whiten(y).norm();
    if (!generation[i].is_own && length > longest) {
      y *= longest / length;
      length = longest;
    }
    if (weights_[i] > 0) mean_step += weights_[i] * y;
    steps.push_back(std::move(y));
    lengths.push_back(length);
  }
  const Eigen::VectorXd next = (mean_ + sigma_ * scale_.cwiseProduct(mean_step)).cwiseMax(0).cwiseMin(1);
  mean_step = (next - mean_).cwiseQuotient(sigma_ * scale_);  // what the cube cuts off is no step
  mean_ = next;

  ++num_generations_;
  path_sigma_ = (1 - c_sigma_) * path_sigma_ + std::sqrt(c_sigma_ * (2 - c_sigma_) * mu_effective_) * whiten(mean_step);
  const double length = path_sigma_.norm();
  const double unbiased = length / std::sqrt(1 - std::pow(1 - c_sigma_, 2.0 * static_cast<double>(num_generations_)));
  const bool is_short = unbiased < (1.4 + 2 / (n + 1)) * expected_length_;
  path_c_ *= 1 - c_c_;
  if (is_short) path_c_ += std::sqrt(c_c_ * (2 - c_c_) * mu_effective_) * mean_step;

  double sum = 0;
  for (const double w : weights_) sum += w;
  const double lost = is_short ? 0 : c_1_ * c_c_ * (2 - c_c_);
  covariance_ *= 1 + lost - c_1_ - c_mu_ * sum;
  covariance_ += c_1_ * path_c_ * path_c_.transpose();
  for (size_t i = 0; i < steps.size(); ++i) {
    // A negative weight counts for a step of the expected length, so that the matrix stays positive definite.
    const double weight = weights_[i] >= 0 ? weights_[i] : weights_[i] * n / std::max(lengths[i] * lengths[i], 1e-300);
    covariance_ += c_mu_ * weight * steps[i] * steps[i].transpose();
  }
  sigma_ *= std::exp(std::min(1.0, c_sigma_ / d_sigma_ * (length / expected_length_ - 1)));
  decompose();
}

void CmaDistribution::decompose() {
  covariance_ = (0.5 * (covariance_ + covariance_.transpose())).eval();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance_);
  const double least = kLeastEigenvalue * std::max(solver.eigenvalues().maxCoeff(), 1e-300);
  axes_ = solver.eigenvectors();
  lengths_ = solver.eigenvalues().cwiseMax(least).cwiseSqrt();
}

void CmaDistribution::set_marginal(int64_t d, double mean, double deviation) {
  mean_[d] = mean;
  scale_[d] = deviation / (sigma_ * std::sqrt(covariance_(d, d)));
}

double CmaDistribution::condition() const {
  const double ratio = lengths_.maxCoeff() / lengths_.minCoeff();
  return ratio * ratio;
}

}  // namespace murmur
