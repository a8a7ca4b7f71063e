#pragma once

#include <cstdint>
#include <vector>

#include "murmur/engine/variable.hpp"
#include "murmur/kernels/update.hpp"
#include "murmur/layers/step.hpp"

namespace murmur {

/// How fresh kernels are drawn; biases start at 0.
enum class Initialization : uint8_t {
  kScale,       // N(0, init_scale^2), the same for every layer: the study's
  kHe,          // N(0, 2 / fan_in), He et al. 2015
  kGlorot,      // N(0, 2 / (fan_in + fan_out)), Glorot & Bengio 2010
  kLecun,       // N(0, 1 / fan_in), LeCun et al. 1998
  kOrthogonal,  // orthonormal rows, or columns where those are fewer, of any orientation: Saxe et al. 2014
};

/// All parameters of a population in one arena [P][N], with their gradients and the optimizer's moments in arenas of
/// the same layout: one launch updates them all, one copy checkpoints them. Each parameter starts at a whole quad.
class Parameters {
 public:
  /// Declares a kernel [out, in], each input of which feeds `fan_out` outputs (0: `out`); returns its index.
  /// This and the next two: before allocate() only.
  size_t add_kernel(int64_t out, int64_t in, int64_t fan_out = 0);
  /// The kernel of the last layer: DropConnect spares it.
  void spare_last_kernel();
  /// A vector [padded size] that starts at one value: a bias, or a batch norm's gamma and beta.
  size_t add_vector(int64_t size, double start = 0);
  /// A batch norm's running mean and variance [2, padded size], which no gradient changes; returns their own index.
  size_t add_statistics(int64_t size);
  /// Without moments nothing can be updated: for what only multiplies.
  void allocate(Device device, DType dtype, int64_t num_networks, bool with_moments = true);

  /// The parameter of all networks, a view into the arena.
  const Variable& operator[](size_t index) const { return variables_[index]; }
  /// What the passes of a step use: in training the copy with transient noise, where there is one.
  const Variable& of(const Step& step, size_t index) const {
    return step.training && has_copy() ? copies_[index] : variables_[index];
  }

  /// From now on training runs on a copy of the weights, which the update writes with transient noise (standard
  /// DropConnect, forward-only weight noise) on it.
  void enable_copy();
  bool has_copy() const { return copy_.defined(); }
  /// Undefined where there is none.
  const Tensor& copy() const { return copy_; }
  /// From now on updates find the norm of each network's gradient, for what clips it.
  void enable_clipping();
  bool has_clipping() const { return norms_.defined(); }
  /// Running mean (first 0) and variance (first 1) of all networks [P, 2, padded size].
  const Tensor& statistics(size_t index) const { return statistics_[index]; }
  const Tensor& weight() const { return weight_; }
  const Tensor& grad() const { return grad_; }
  /// What the optimizer remembers, in arenas [P, N] as the weights are.
  const Tensor& moment1() const { return moment1_; }
  const Tensor& moment2() const { return moment2_; }

  /// A copy of one of the arenas on the host, with zeros where it is padding: noise leaves its traces there, which
  /// reach no result.
  Tensor without_padding(const Tensor& arena) const;

  /// Bytes of all running statistics of one network.
  int64_t statistics_bytes() const;
  /// The parameters of the networks [first, first + count), in the same memory. Throws: ShapeError.
  Parameters networks(int64_t first, int64_t count) const;

  /// Elements that training changes, without padding.
  int64_t num_parameters() const { return num_parameters_; }
  /// Elements of one network's arena, padding included.
  int64_t stride() const { return stride_; }

  /// Fresh kernels, zero biases, gradients and moments for the networks with selected[p] != 0 (u8 [P]).
  void initialize(const Step& step, Initialization initialization, const Tensor& selected) const;
  /// Writes the selected networks' copies for the update that comes next. Needs a copy.
  void refresh_copy(const Step& step, const Tensor& selected) const;
  /// Applies the gradients of the networks whose batch is full (kernels 4 and 5).
  void update(const Step& step) const;

 private:
  struct Entry {
    Shape shape;  // [out, in] or [padded size]
    int64_t offset;
    int64_t size;     // elements, without padding
    int64_t fan_out;  // of a kernel
    double start;     // of a vector
    WeightKind kind;  // what transient noise does to it
  };
  template <class T>
  UpdateArgs<T> update_args(const Step& step) const;

  std::vector<Entry> entries_;
  std::vector<Variable> variables_;
  std::vector<int64_t> statistics_sizes_;
  std::vector<Tensor> statistics_;
  int64_t num_parameters_ = 0;
  int64_t stride_ = 0;
  std::vector<Variable> copies_;
  Tensor weight_, grad_, moment1_, moment2_;
  Tensor copy_;   // as weight_; undefined without transient noise
  Tensor kinds_;  // WeightKind of each quad of the arena
  Tensor norms_;  // f64 [P]; undefined without clipping
};

}  // namespace murmur
