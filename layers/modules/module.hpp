#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "murmur/layers/modules/declaration.hpp"
#include "murmur/layers/modules/tail.hpp"
#include "murmur/layers/modules/word_reader.hpp"

namespace murmur {

/// What stands before a module in a specification.
struct Position {
  bool is_flat = false;        // behind a flatten
  bool is_last = false;        // nothing follows
  const Tail* tail = nullptr;  // of the module whose kernels could take this one over; null: none
};

/// One layer of a model: how its options are read is in its ModuleInfo. A module that follows another one may become
/// part of that one's kernels (`join`); what does not runs by itself.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// What this module expects of its position, for a message: "norm after a convolution"; empty where it fits.
  virtual std::string expects(const Position& position) const;
  /// Declares parameters, names and the shape that comes out. Throws: InvalidArgument for a shape that does not fit.
  virtual void declare(Declaration& declaration) = 0;
  /// Hands this module's work to the tail before it; false where that cannot take it.
  virtual bool join(Tail& before) const;
  /// What this module's own kernels take over of those that follow; null: nothing, and masks get a kernel of their own.
  virtual Tail* tail() { return nullptr; }
  /// False where there is nothing to do at all.
  virtual bool runs() const { return true; }
  /// True where the study's dropconnect masks what comes in: layers with weights, but the last.
  virtual bool has_masked_input() const { return false; }
  /// True where something may follow that acts on what this module computes.
  bool has_successor() const { return runs() && !makes_logits(); }
  /// True of a layer with one output a class, without a ReLU.
  virtual bool makes_logits() const { return false; }
  /// Throws: ShapeError.
  virtual Activations forward(const Step& step, const Parameters& parameters, const Activations& input) const;
};

/// A row of the table of modules: everything that specifications, `--help`, messages and tests know of one.
struct ModuleInfo {
  std::string_view word;     // what its words begin with
  std::string_view form;     // its words, for help and messages
  std::string_view help;     // one line
  std::string_view example;  // a model with it, for images of `example_size`: it goes through the tests of every module
  ImageSize example_size;
  std::string_view too_small;  // a model whose images are too small for it, for 2 x 2; empty: takes all
  std::unique_ptr<Module> (*parse)(WordReader& rest);  // reads what follows the word. Throws: InvalidArgument
};

}  // namespace murmur
