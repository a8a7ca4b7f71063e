// Shell completion, man page and --version: made from the command line's own help.
#include <gmock/gmock.h>

#include <set>
#include <sstream>

#include "tests/app/run.hpp"

namespace murmur::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string program_output(const std::string& arguments) {
  const ProgramResult result = run_murmur(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return result.output;
}

/// Standard output and error of a shell command.
std::string shell(const std::string& command) {
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::string output;
  char buffer[4096];
  for (size_t n = 0; (n = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) output.append(buffer, n);
  return pclose(pipe) == 0 ? output : "failed: " + output;
}

bool has_program(const std::string& name) {
  return shell("command -v " + name + " >/dev/null").empty();
}

/// All that the help names: the commands, and the options of each.
std::set<std::string> words_of_help() {
  // The first word of each line that is indented by two: "train", "--seed", or --help of "-h,--help".
  const auto collect = [](const std::string& help, const std::string& prefix, std::set<std::string>& words) {
    std::istringstream lines(help);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("  -h,")) line.replace(0, 5, "  ");
      if (!line.starts_with("  " + prefix) || line.size() < 3 || line[2] == ' ') continue;
      words.insert(line.substr(2, line.find_first_of(" ,", 2) - 2));
    }
  };
  std::set<std::string> words;
  const std::string help = program_output("--help");
  std::set<std::string> commands;
  collect(help.substr(help.find("Subcommands:")), "", commands);
  EXPECT_GE(commands.size(), 3u) << help;
  for (const std::string& command : commands) {
    collect(program_output(command + " --help"), "--", words);
  }
  EXPECT_GE(words.size(), 30u);
  words.merge(commands);
  return words;
}

/// What bash offers for the words of a command line, the last of which is being typed.
std::string bash_offers(const Folder& folder, const std::string& words) {
  write_text(folder / "murmur.bash", program_output("--generate bash"));
  write_text(folder / "complete.bash", "set -eu\nsource '" + folder / "murmur.bash" + "'\nCOMP_WORDS=(" + words +
                                           ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\ncompopt() { :; }\n_murmur\n"
                                           "printf '%s ' \"${COMPREPLY[@]-}\"\n");
  return shell("bash " + folder / "complete.bash");
}

TEST(Manual, EveryOptionOfTheHelpAppears) {
  for (const char* what : {"bash", "zsh", "man"}) {
    std::string text = program_output(std::string("--generate ") + what);
    std::erase(text, '\\');  // the man page writes \- for a dash
    for (const std::string& word : words_of_help()) EXPECT_THAT(text, HasSubstr(word)) << what;
  }
}

TEST(Manual, BashCompletes) {
  const Folder folder;
  EXPECT_THAT(bash_offers(folder, "murmur ''"),
              AllOf(HasSubstr("train "), HasSubstr("search "), HasSubstr("--version ")));
  EXPECT_EQ(bash_offers(folder, "murmur tr"), "train ");
  EXPECT_EQ(bash_offers(folder, "murmur train --micro"), "--micro-batch ");
  EXPECT_THAT(bash_offers(folder, "murmur train ''"), Not(HasSubstr("--particles")));
  EXPECT_EQ(bash_offers(folder, "murmur train --dataset fash"), "fashion-mnist ");
  EXPECT_EQ(bash_offers(folder, "murmur search --algorithm r"), "random ");
  EXPECT_EQ(bash_offers(folder, "murmur search --search loss_n"), "loss_noise ");
  EXPECT_EQ(bash_offers(folder, "murmur train --set dropo"), "dropout= ");
  EXPECT_EQ(bash_offers(folder, "murmur train --networks ''"), " ");
  EXPECT_EQ(bash_offers(folder, "murmur data g"), "get ");
  EXPECT_EQ(bash_offers(folder, "murmur data get cifar"), "cifar10 cifar100 ");
  EXPECT_EQ(bash_offers(folder, "murmur study exp"), "export ");
}

TEST(Manual, ZshAcceptsItsScript) {
  if (!has_program("zsh")) GTEST_SKIP() << "zsh is not installed";
  const Folder folder;
  write_text(folder / "_murmur", program_output("--generate zsh"));
  EXPECT_EQ(shell("zsh -n " + folder / "_murmur"), "");
}

TEST(Manual, ThePageIsWellFormed) {
  const Folder folder;
  write_text(folder / "murmur.1", program_output("--generate man"));
  if (!has_program("mandoc")) GTEST_SKIP() << "mandoc is not installed";
  // Without a date the page is the same whenever it is made.
  EXPECT_EQ(shell("mandoc -T lint -W warning " + folder / "murmur.1" + " | sed '/missing date/d'"), "");
}

TEST(Manual, RefusesAnotherWord) {
  const ProgramResult result = run_murmur("--generate fish");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, HasSubstr("expected bash, zsh or man, got 'fish'"));
}

TEST(Manual, VersionNamesCompilerAndLibraries) {
  EXPECT_THAT(program_output("--version"),
              AllOf(::testing::StartsWith("murmur " MURMUR_VERSION), HasSubstr("\ncompiler "), HasSubstr("\noneDNN "),
                    HasSubstr("\nSQLite 3.")));
}

}  // namespace
}  // namespace murmur::test
