#pragma once

#include <cstdint>
#include <vector>

#include "app/report/study_data.hpp"

namespace murmur::app {

/// Serves the page of these studies on 127.0.0.1, and nowhere else, until SIGINT or SIGTERM: "/" is the page,
/// "/data.json" its data, made anew where a file has changed. `port` 0: any that is free. Prints the address.
/// Throws: StudyError before anything is served; Error where the port cannot be had.
void serve_report(const std::vector<StudyName>& studies, uint16_t port);

}  // namespace murmur::app
