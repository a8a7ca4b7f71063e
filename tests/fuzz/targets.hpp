#pragma once

#include <array>
#include <cstdint>
#include <span>

// What is fuzzed: everything that a file or a user can put into the program. A target takes any bytes, reads them as
// the program would, and throws where something else happens than an answer that keeps its promises or a refusal of the
// type that the reader's header names. fuzzer.cpp is libFuzzer's program; corpus_test.cpp runs all of them, in every
// build, over the files of corpus/NAME and regressions/NAME.
namespace murmur::fuzz {

using Input = std::span<const uint8_t>;

/// An IDX file, of images or of labels, plain or gzip.
void idx(Input input);
/// Any file that may be gzip.
void gzip(Input input);
/// The first byte says which CIFAR, its lowest bit, and how much of what follows is the training file.
void cifar(Input input);
/// A MATLAB file with the arrays X and y.
void mat(Input input);
/// A PNG, JPEG or BMP file.
void image(Input input);
/// The first byte's lowest bit says whether what follows is a cache as it is, or one whose checksums are made right.
void image_cache(Input input);
void safetensors(Input input);
/// A safetensors file that a training of two small networks goes on from.
void checkpoint(Input input);
/// A model's specification.
void model(Input input);
/// Lines, each a word of --set, or behind "search " one of --search.
void setting(Input input);
/// A TOML file of --config.
void config(Input input);
/// A line with the name of an attribute of a study, and its value in JSON.
void attribute(Input input);
/// Lines, each a change of a study's file: see study.cpp.
void study(Input input);

struct Target {
  const char* name;
  void (*run)(Input input);
};
inline constexpr std::array<Target, 13> kTargets{{{"idx", idx},
                                                  {"gzip", gzip},
                                                  {"cifar", cifar},
                                                  {"mat", mat},
                                                  {"image", image},
                                                  {"image_cache", image_cache},
                                                  {"safetensors", safetensors},
                                                  {"checkpoint", checkpoint},
                                                  {"model", model},
                                                  {"setting", setting},
                                                  {"config", config},
                                                  {"attribute", attribute},
                                                  {"study", study}}};

}  // namespace murmur::fuzz
