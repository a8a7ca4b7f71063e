#!/usr/bin/env bash
# Builds and runs a project that uses the library in both ways: installed from a build folder, and from its sources.
#
#   tests/consumer/check.sh BUILD      e.g. tests/consumer/check.sh build/cpu
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "$1" && pwd)
work=$build/consumer
rm -rf "$work"

cmake --install "$build" --prefix "$work/prefix" >/dev/null
"$work/prefix/bin/murmur" --version

# use WAY "PROGRAM..." CMAKE OPTION...
use() {
  local program
  printf '== consumer: %s\n' "$1"
  cmake -G Ninja -S "$source/tests/consumer" -B "$work/$1" "${@:3}" >/dev/null
  # shellcheck disable=SC2086
  cmake --build "$work/$1" --parallel "$(nproc)" ${2:+--target $2}
  for program in ${2:-version train_network own_objective}; do "$work/$1/$program"; done
  printf "== %s s\n" "$SECONDS"
}
# No trace of the source tree: the installed headers and libraries stand alone.
use installed "" -DCMAKE_PREFIX_PATH="$work/prefix"
# Everything is configured, but what is compiled is what this program needs: the libraries have been compiled before.
use subdirectory version -DMURMUR_SOURCE_DIR="$source" -DMURMUR_CUDA=OFF
