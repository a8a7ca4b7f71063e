#!/usr/bin/env bash
# Builds the fuzzer (clang++, address and undefined behaviour sanitizers) and runs its targets, each on a core, from the seeds
# and findings of tests/fuzz.
#
#   scripts/fuzz.sh [--minutes N] [--seconds N] [--jobs N] [--preset P] [TARGET...]
#
# By default: every target for one minute, as many at once as there are cores.
# The preset is `fuzz`, which compiles with optimisation; a short run takes `asan`, if that has been built.
# What a run finds new is kept in build/fuzz/inputs/TARGET, from where the next one goes on; an input that ends the program is
# build/fuzz/findings/TARGET-*: copy it to tests/fuzz/regressions/TARGET with the fix. Exit code 1 where there was one.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Each has a folder of seeds.
all=(tests/fuzz/corpus/*)
all=("${all[@]##*/}")
seconds=60
jobs=$(nproc)
preset=fuzz
targets=()
while (($#)); do
  case $1 in
    --minutes) seconds=$((60 * ${2:?--minutes: expected a number})) && shift ;;
    --seconds) seconds=${2:?--seconds: expected a number} && shift ;;
    --jobs) jobs=${2:?--jobs: expected a number} && shift ;;
    --preset) preset=${2:?--preset: expected fuzz or asan} && shift ;;
    -*) die "expected --minutes N, --seconds N, --jobs N, --preset P or targets (${all[*]}), got '$1'" ;;
    *)
      [[ " ${all[*]} " == *" $1 "* ]] || die "expected targets among ${all[*]}, got '$1'"
      targets+=("$1")
      ;;
  esac
  shift
done
((${#targets[@]})) || targets=("${all[@]}")

# Inputs of these have a size that a mutation seldom reaches.
longest() {
  case $1 in
    cifar | checkpoint) echo 32768 ;;
    mat | image | image_cache | safetensors) echo 8192 ;;
    *) echo 4096 ;;
  esac
}

# Folders of a few small files, and files in memory where that is possible.
[[ -w /dev/shm ]] && export TMPDIR=/dev/shm
# Without detect_stack_use_after_return, which takes half of the time where much is refused (fuzz_tests have it).
export ASAN_OPTIONS=allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1

build "$preset" fuzzer
findings=build/fuzz/findings
mkdir -p "$findings" "$LOGS"

# fuzz TARGET: its line, and the end of its log where it found something.
fuzz() {
  local target=$1 log=$LOGS/fuzz-$1.log status=0 executions rate features inputs
  local folders=("build/fuzz/inputs/$target" "tests/fuzz/corpus/$target")
  [[ -d tests/fuzz/regressions/$target ]] && folders+=("tests/fuzz/regressions/$target")
  mkdir -p "build/fuzz/inputs/$target"
  MURMUR_FUZZ_TARGET=$target "build/$preset/tests/fuzz/fuzzer" -max_total_time="$seconds" -max_len="$(longest "$target")" -timeout=20 \
    -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="$findings/$target-" "${folders[@]}" >"$log" 2>&1 || status=$?
  ((status != 72)) || status=0 # what libFuzzer ends with where it is interrupted
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
  features=$(sed -n 's/.* ft: \([0-9]*\).*/\1/p' "$log" | tail -n 1)
  inputs=$(find "build/fuzz/inputs/$target" -type f | wc -l)
  printf '%-12s %14s %10s %8s %9s %8s\n' "$target" "${executions:--}" "${rate:--}" "$inputs" "${features:--}" \
    "$((status == 0 ? 0 : 1))"
  ((status == 0)) || tail -n 40 "$log" >&2
  return "$status"
}

printf '%-12s %14s %10s %8s %9s %8s\n' target executions "a second" inputs features findings
found=0 running=0
for target in "${targets[@]}"; do
  if ((running == jobs)); then
    wait -n || found=1
    running=$((running - 1))
  fi
  fuzz "$target" &
  running=$((running + 1))
done
while ((running)); do
  wait -n || found=1
  running=$((running - 1))
done
exit "$found"
