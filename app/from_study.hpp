#pragma once

#include <CLI/CLI.hpp>
#include <string>

// `train --from`: a training whose options are those of a study.
namespace murmur::app {

struct StudySource {
  std::string from;  // the study's file; empty: none
  std::string name;
  std::string trial = "best";
};

/// --from, --name and --trial.
void add_source_options(CLI::App& command, StudySource& source);

/// Gives the command what the study says of the training, its setting with it, apart from what is on its own command
/// line. What the data set must hold; empty where the command line says which one. Throws: StudyError, InvalidArgument.
std::string take_study_options(CLI::App& command, const StudySource& source);

}  // namespace murmur::app
