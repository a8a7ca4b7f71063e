#pragma once

namespace murmur {

struct SearcherInfo;

/// The row in the table of searchers of a `RandomSearch` whose positions are the points of a scrambled Sobol' sequence
/// (`DesignedSample`): more even than random ones, each in its own stratum of every dimension.
SearcherInfo sobol_search_info();

}  // namespace murmur
