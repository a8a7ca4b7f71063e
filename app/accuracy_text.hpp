#pragma once

#include <string>
#include <vector>

// Accuracies of several trainings in one cell of a table. What diverged is counted, and is no part of a mean.
namespace murmur::app {

/// "0.8762 ± 0.0012, 1 of 4 diverged": the mean and its standard error. Of one that is left the accuracy alone, of none
/// "all of 4 diverged".
std::string accuracy_text(std::vector<double> accuracies);

/// The same as "87.62 ± 0.12 %, 1 of 4 diverged".
std::string accuracy_percent_text(std::vector<double> accuracies);

}  // namespace murmur::app
