#!/usr/bin/env bash
# First light on a GPU in one command: tests, sanitizers, benchmarks, peers and profiles in order of value, within a time.
#
#   bench/gpu.sh [OPTION]...
#     --minutes N    of everything together (30); with few, the steps of most value are planned
#     --build DIR    the build folder (an unpacked bundle has its programs in bin/; else build/cuda, build/gpu-bundle, build/release)
#     --output DIR   a JSON file a step, and report.md (out/gpu)
#     --only STEP    only this step, repeatable
#     --dry-run      print the plan: each command with its limit
#     --stub DIR     a folder with stand-ins of the CUDA libraries, which the programs find first: no figure is a measurement
#
# A step that fails or takes too long does not end it. Exit status: 0 where every step that ran gave what it should, 1 where
# one did not, 2 usage. Without a GPU the steps that can run on the CPU do, small.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

usage() {
  printf 'gpu.sh: %s (see the head of %s)\n' "$1" "$here/gpu.sh" >&2
  exit 2
}

build='' output=out/gpu stub='' options=()
while (($#)); do
  case $1 in
    --dry-run) options+=(--dry-run) ;;
    --minutes | --build | --output | --only | --stub)
      (($# > 1)) || usage "$1: expected a value, got none"
      case $1 in
        --build) build=$2 ;;
        --output) output=$2 ;;
        --stub) stub=$2 ;;
        *) options+=("$1" "$2") ;;
      esac
      shift
      ;;
    -h | --help)
      sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
      exit
      ;;
    *) usage "expected --minutes, --build, --output, --only, --dry-run or --stub, got '$1'" ;;
  esac
  shift
done

if [[ -z $build ]]; then
  for build in "$root" "$root/build/cuda" "$root/build/gpu-bundle" "$root/build/release"; do
    [[ -x $build/bin/murmur || -x $build/app/murmur ]] && break
  done
fi
[[ -x $build/bin/murmur || -x $build/app/murmur ]] || usage "--build: expected a folder with bin/murmur or app/murmur, got '$build'"
if [[ -n $stub ]]; then
  [[ -d $stub ]] || usage "--stub: expected a folder, got '$stub'"
  stub=$(cd "$stub" && pwd)
  options+=(--stub "$stub")
fi
build=$(cd "$build" && pwd)

# shellcheck source=bench/gpu/env.sh
. "$here/gpu/env.sh" "$build" "$stub"
exec python3 "$here/gpu/run.py" --build "$build" --output "$output" ${options[@]+"${options[@]}"}
