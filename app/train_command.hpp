#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "murmur/pso/study.hpp"

// The commands that train again what a table shows: every row can be had by pasting one line into a shell.
namespace murmur::app {

/// The word as a shell reads it back: in single quotes where it has other characters than letters, digits and
/// _-+=:,./@%.
std::string shell_quoted(std::string_view word);

/// The words as one line for a shell.
std::string shell_line(const std::vector<std::string>& words);

/// The same for a terminal, and for a user to paste: control characters are codes, $'\x1b', which bash, zsh and ksh
/// read.
std::string shown_shell_line(const std::vector<std::string>& words);

/// "murmur train --from study.db --trial 17", with `more` behind it, each an option or its value. `trial`: a number,
/// "best", "winner" or "baseline" (the study's base setting). The study is named by the path it was opened with.
std::string train_command(const Study& study, std::string_view trial, const std::vector<std::string>& more = {});

/// "--set" and "dropout=0.1" for each technique in which `setting` differs from `from`, so that reading it back gives
/// the same bits.
std::vector<std::string> set_words(const Setting& from, const Setting& setting);

}  // namespace murmur::app
