#include "app/manual.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sqlite3.h>

#include <map>
#include <sstream>

#include "murmur/data/dataset.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/version.hpp"
#include "murmur/layers/specification.hpp"
#include "murmur/techniques/techniques.hpp"

namespace murmur::app {
namespace {

using Words = std::vector<std::string>;

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options(
      [](const CLI::Option* option) { return !option->get_group().empty() && !option->get_positional(); });
}

/// What stands without a name, in its order: "action", "file".
std::vector<const CLI::Option*> positionals_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

/// "--help", "-h"
Words names_of(const CLI::Option& option) {
  Words names;
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  return names;
}

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

/// The words that tables of the program know.
const std::map<std::string, Words>& known_values() {
  static const std::map<std::string, Words> values = [] {
    Words keys;
    Words assignments;
    for (const TechniqueInfo& info : techniques()) {
      keys.emplace_back(info.key);
      assignments.push_back(keys.back() + "=");
      for (const std::string_view choice : info.choices) assignments.push_back(fmt::format("{}={}", info.key, choice));
    }
    return std::map<std::string, Words>{
        {"--dataset", dataset_names()}, {"names", dataset_names()}, {"--model", model_names()},
        {"--set", assignments},         {"--search", keys},         {"--device", {"auto", "cpu", "cuda"}}};
  }();
  return values;
}

/// The words that an option's value may be; none where it is a number or a file.
Words values_of(const CLI::Option& option) {
  const auto known = known_values().find(option.get_name());
  if (known != known_values().end()) return known->second;
  // CLI11 writes an option with choices as TEXT:{first,second}.
  const std::string type = option.get_type_name();
  const size_t begin = type.find('{');
  const size_t end = type.find('}');
  Words values;
  if (begin == std::string::npos || end == std::string::npos) return values;
  std::istringstream words(type.substr(begin + 1, end - begin - 1));
  for (std::string word; std::getline(words, word, ',');) values.push_back(word);
  return values;
}

bool is_number(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type.starts_with("INT") || type.starts_with("UINT") || type.starts_with("FLOAT");
}

/// The branches of bash's `case` on command and option before the cursor.
std::string bash_values(const CLI::App& app) {
  std::string text;
  for (const CLI::App* command : commands_of(app)) {
    for (const CLI::Option* option : options_of(*command)) {
      if (!takes_value(*option)) continue;
      const Words values = values_of(*option);
      const std::string action = !values.empty()      ? fmt::format("words='{}'", fmt::join(values, " "))
                                 : is_number(*option) ? "return"
                                                      : "compopt -o default; return";
      for (const std::string& name : names_of(*option)) {
        text += fmt::format("    '{} {}') {} ;;\n", command->get_name(), name, action);
      }
    }
  }
  return text;
}

std::string bash_completion(const CLI::App& app) {
  Words first;
  std::string options;
  for (const CLI::Option* option : options_of(app)) {
    for (const std::string& name : names_of(*option)) first.push_back(name);
  }
  for (const CLI::App* command : commands_of(app)) {
    first.push_back(command->get_name());
    Words names;
    for (const CLI::Option* option : options_of(*command)) {
      for (const std::string& name : names_of(*option)) names.push_back(name);
    }
    for (const CLI::Option* option : positionals_of(*command)) {
      for (const std::string& value : values_of(*option)) names.push_back(value);
    }
    options += fmt::format("        {}) words='{}'{} ;;\n", command->get_name(), fmt::join(names, " "),
                           positionals_of(*command).empty() ? "" : "; compopt -o default");
  }
  // Bash breaks words at "=": `--set dropout=<tab>` has the word before it two places back.
  return fmt::format(R"(# bash completion of murmur; made by `murmur --generate bash`.
_murmur() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command=${{COMP_WORDS[1]}} words=''
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W '{}' -- "$word")
    return
  fi
  case "$command $before" in
{}    *)
      case $command in
{}      esac
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  [[ ${{COMPREPLY[0]-}} != *= ]] || compopt -o nospace
}}
complete -F _murmur murmur
)",
                     fmt::join(first, " "), bash_values(app), options);
}

/// In single quotes, within which _arguments reads [, ] and : itself.
std::string zsh_quoted(const std::string& text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      if (c == '[' || c == ']' || c == ':' || c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted;
}

std::string zsh_options(const CLI::App& command) {
  std::string text;
  for (const CLI::Option* option : options_of(command)) {
    const Words values = values_of(*option);
    std::string value;
    if (takes_value(*option)) {
      value = !values.empty()      ? fmt::format(":value:({})", fmt::join(values, " "))
              : is_number(*option) ? ":number: "
                                   : ":file:_files";
    }
    const bool repeats = option->get_items_expected_max() > 1;
    for (const std::string& name : names_of(*option)) {
      text += fmt::format(" \\\n        '{}{}[{}]{}'", repeats ? "*" : "", name, zsh_quoted(option->get_description()),
                          value);
    }
  }
  return text;
}

/// "1:action:(get info list)", and the last one repeats where it may.
std::string zsh_positionals(const CLI::App& command) {
  std::string text;
  int place = 0;
  for (const CLI::Option* option : positionals_of(command)) {
    ++place;
    const Words values = values_of(*option);
    const std::string number = option->get_items_expected_max() > 1 ? "*" : fmt::format("{}", place);
    const std::string action = values.empty() ? "_files" : fmt::format("({})", fmt::join(values, " "));
    text += fmt::format(" \\\n        '{}:{}:{}'", number, option->get_name(), action);
  }
  return text;
}

std::string zsh_completion(const CLI::App& app) {
  std::string names;
  std::string cases;
  for (const CLI::App* command : commands_of(app)) {
    names += fmt::format("    '{}:{}'\n", command->get_name(), zsh_quoted(command->get_description()));
    cases += fmt::format("      {})\n        _arguments{}{}\n        ;;\n", command->get_name(), zsh_options(*command),
                         zsh_positionals(*command));
  }
  return fmt::format(R"(#compdef murmur
# zsh completion of murmur; made by `murmur --generate zsh`.
_murmur() {{
  local curcontext=$curcontext state line
  local -a commands
  commands=(
{})
  _arguments -C{} \
        '1: :->command' \
        '*:: :->arguments'
  case $state in
  command) _describe command commands ;;
  arguments)
    case $line[1] in
{}    esac
    ;;
  esac
}}
_murmur "$@"
)",
                     names, zsh_options(app), cases);
}

/// Text as troff takes it: no escape, no request at a line's begin, and "-" as it is typed.
std::string troff(const std::string& text) {
  std::string escaped;
  bool starts_line = true;
  for (const char c : text) {
    if (starts_line && (c == '.' || c == '\'')) escaped += "\\&";
    starts_line = c == '\n';
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string man_options(const CLI::App& app) {
  std::string text;
  for (const CLI::Option* option : positionals_of(app)) {
    const Words values = values_of(*option);
    text += fmt::format(".TP\n\\fI{}\\fR\n{}{}\n", troff(option->get_name()), troff(option->get_description()),
                        values.empty() ? "" : troff(fmt::format(" ({})", fmt::join(values, ", "))));
  }
  for (const CLI::Option* option : options_of(app)) {
    text += fmt::format(".TP\n\\fB{}\\fR", troff(fmt::format("{}", fmt::join(names_of(*option), ", "))));
    if (takes_value(*option)) text += fmt::format(" \\fI{}\\fR", troff(option->get_type_name()));
    const std::string start = option->get_default_str();
    text += fmt::format("\n{}{}\n", troff(option->get_description()),
                        option->get_required() ? " (required)"
                        : start.empty()        ? ""
                                               : fmt::format(" [{}]", troff(start)));
  }
  return text;
}

std::string man_page(const CLI::App& app) {
  std::string text = fmt::format(".TH MURMUR 1 \"\" \"murmur {}\" \"User Commands\"\n", version());
  text += fmt::format(".SH NAME\nmurmur \\- {}\n", "population training with randomness in its places, and its search");
  text += ".SH SYNOPSIS\n.B murmur\n.I command\n[\\fIoption\\fR ...]\n";
  text += fmt::format(".SH DESCRIPTION\n{}\n.SH OPTIONS\n{}", troff(app.get_description()), man_options(app));
  std::map<std::string, Words> lists;  // the same list stands behind several commands
  text += ".SH COMMANDS\n";
  for (const CLI::App* command : commands_of(app)) {
    text += fmt::format(".SS {}\n{}.\n{}", troff(command->get_name()), troff(command->get_description()),
                        man_options(*command));
    if (!command->get_footer().empty()) lists[command->get_footer()].push_back(command->get_name());
  }
  for (const auto& [list, commands] : lists) {
    text += fmt::format(".SH WORDS OF {}\n.nf\n{}\n.fi\n", fmt::join(commands, ", "), troff(list));
  }
  text += R"(.SH EXIT STATUS
0 success, 2 usage, 3 a data, study or weights file, 4 device, 1 anything else;
129, 130 or 143 for what a signal stopped (SIGHUP, SIGINT, SIGTERM), its study or checkpoint up to date.
)";
  return text;
}

}  // namespace

std::string generate(const CLI::App& app, const std::string& what) {
  if (what == "bash") return bash_completion(app);
  if (what == "zsh") return zsh_completion(app);
  if (what == "man") return man_page(app);
  throw InvalidArgument("--generate: expected bash, zsh or man, got '{}'", what);
}

std::string version_text() {
  const std::string commit_text = commit().empty() ? "" : fmt::format(" ({})", commit());
  return fmt::format("murmur {}{}\ncompiler {}\n{}\nSQLite {}", version(), commit_text, compiler(),
                     fmt::join(libraries(), "\n"), sqlite3_libversion());
}

}  // namespace murmur::app
