#pragma once

#include "murmur/layers/modules/module.hpp"

namespace murmur {

// Every module of this folder: a file of its name defines its row, and table.cpp has them all.
extern const ModuleInfo kConv;
extern const ModuleInfo kNorm;
extern const ModuleInfo kPool;
extern const ModuleInfo kAveragePool;
extern const ModuleInfo kGlobalPool;
extern const ModuleInfo kResidual;
extern const ModuleInfo kFlatten;
extern const ModuleInfo kLinear;
extern const ModuleInfo kDropout;
extern const ModuleInfo kLayernorm;
extern const ModuleInfo kDepthwise;

}  // namespace murmur
