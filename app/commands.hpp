#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>

namespace murmur::app {

/// Each adds a subcommand, whose work runs after the whole command line has been parsed and returns the exit code.
using Run = std::function<int()>;
Run add_info(CLI::App& app);
Run add_data(CLI::App& app);
Run add_train(CLI::App& app);
Run add_predict(CLI::App& app);
Run add_search(CLI::App& app);
Run add_analyse(CLI::App& app);
Run add_ablate(CLI::App& app);
Run add_baseline(CLI::App& app);
Run add_replay(CLI::App& app);
Run add_study(CLI::App& app);
Run add_report(CLI::App& app);
Run add_profile(CLI::App& app);
Run add_preview(CLI::App& app);

/// All options of `train` on another command, which runs it in a process of its own. They live as long as what is
/// returned.
std::shared_ptr<void> add_train_options(CLI::App& command);

}  // namespace murmur::app
