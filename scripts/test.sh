#!/usr/bin/env bash
# Sets up what is missing, builds, and runs every test: the CPU, and the GPU where there is one.
#
#   scripts/test.sh [FILTER]      e.g. scripts/test.sh '*Swarm*' (GoogleTest's filter)
#
# GPU tests skip and say so on a machine without a GPU; MURMUR_REQUIRE_GPU=1 turns that into failures.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

set_up build test
build release
options=()
if (($#)); then
  export GTEST_FILTER=$1
  options=(-R '_tests_[0-9]+$')
fi
status=0
run_tests release ${options[@]+"${options[@]}"} || status=$?
count_tests release
say "tests: $PASSED passed, $FAILED failed, $SKIPPED skipped"
exit "$status"
