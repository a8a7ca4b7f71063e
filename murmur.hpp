#pragma once

/// \file
/// All that a program needs that uses Murmuration as a library; see docs/library.md.

#include "murmur/data/dataset.hpp"
#include "murmur/distributed/mpi_session.hpp"
#include "murmur/distributed/ranks.hpp"
#include "murmur/engine/device.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/safetensors.hpp"
#include "murmur/engine/version.hpp"
#include "murmur/layers/modules/table.hpp"
#include "murmur/layers/population_trainer.hpp"
#include "murmur/layers/predictor.hpp"
#include "murmur/layers/schedule.hpp"
#include "murmur/layers/specification.hpp"
#include "murmur/layers/weights.hpp"
#include "murmur/pso/confirmation.hpp"
#include "murmur/pso/driver.hpp"
#include "murmur/pso/final_test.hpp"
#include "murmur/pso/random_search.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/search_space.hpp"
#include "murmur/pso/study.hpp"
#include "murmur/pso/swarm.hpp"
#include "murmur/techniques/techniques.hpp"
