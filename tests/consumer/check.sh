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

# use WAY CMAKE OPTION...
use() {
  printf '== consumer: %s\n' "$1"
  cmake -G Ninja -S "$source/tests/consumer" -B "$work/$1" "${@:2}" >/dev/null
  cmake --build "$work/$1" --parallel "$(nproc)"
  "$work/$1/version"
  "$work/$1/train_network"
  "$work/$1/own_objective"
  printf "== %s s\n" "$SECONDS"
}
# No trace of the source tree: the installed headers and libraries stand alone.
use installed -DCMAKE_PREFIX_PATH="$work/prefix"
use subdirectory -DMURMUR_SOURCE_DIR="$source" -DMURMUR_CUDA=OFF
