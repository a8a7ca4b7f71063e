#!/usr/bin/env bash
# clang-tidy on the host code of the build asan, in the groups of files that the compiler reads as one (cmake/Unity.cmake).
#
#   scripts/tidy.sh [PATTERN]      of files or groups, e.g. murmur_pso; default: all of the program and its libraries
#
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

set_up check
[[ -e build/asan/compile_commands.json ]] || run_logged asan cmake --preset asan
# What a group does to get its files, and what two of its files declare, are no mistakes.
sed -n 's/^  "file": "\(.*\)",\?$/\1/p' build/asan/compile_commands.json |
  grep -E '/(app|data|distributed|engine|kernels|layers|preview|pso|techniques)/.*\.(cpp|cxx)$' |
  grep -vE '/(tests|bench|examples)/' | grep -E "${1:-.}" |
  xargs -n 1 -P "$(nproc)" clang-tidy-14 --quiet -p build/asan \
    --checks=-bugprone-suspicious-include,-readability-redundant-declaration 2>&1 |
  sed '/ warnings\?\( and [0-9]* errors\?\)\? generated\.$/d'
