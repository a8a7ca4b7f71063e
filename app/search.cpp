#include "app/commands.hpp"
namespace murmur::app {
Run add_search(CLI::App& app) {
  app.add_subcommand("search", "");
  return [] {};
}
}  // namespace murmur::app
