#!/usr/bin/env bash
# Sets up what is missing, builds, and runs every test: the CPU, and the GPU where there is one.
#
#   scripts/test.sh [CTEST OPTION]...      e.g. scripts/test.sh -R Swarm
#
# GPU tests skip and say so on a machine without a GPU; MURMUR_REQUIRE_GPU=1 turns that into failures.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

set_up build test
build release
status=0
run_tests release "$@" || status=$?
count_tests release
say "tests: $PASSED passed, $FAILED failed, $SKIPPED skipped"
exit "$status"
