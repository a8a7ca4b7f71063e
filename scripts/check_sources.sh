#!/usr/bin/env bash
# What a look at the sources alone can tell, in seconds: format, direction of includes, shell scripts. The first step of
# .ci/run; before each commit, too, after: ln -s ../../scripts/check_sources.sh .git/hooks/pre-commit
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

scripts/check_includes.py
find app bench data distributed engine examples kernels layers murmur.hpp preview pso techniques tests -not -path '*/node_modules/*' \
  \( -name '*.cpp' -o -name '*.hpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs -0 clang-format-14 --dry-run -Werror
shellcheck -x scripts/*.sh tests/consumer/check.sh tests/distributed/*.sh bench/*.sh bench/gpu/*.sh bench/profile/*.sh .ci/run
