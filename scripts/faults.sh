#!/usr/bin/env bash
# Kills searches and trainings at random moments, and makes their calls fail, one after the other.
#
#   scripts/faults.sh [--kills N] [--calls N|all] [--seed S] [--minutes M]      default: 50 kills, 50 calls of each
#
# --kills N: kill -9 so often (0: none). --calls N: so many calls (write, sync, open, ..., memory) of a search, and of a
# training, drawn anew each time, are made to fail; "all": every one, of small allocations the first from each call stack
# (four hours of a core). --minutes: each part ends after so many. --seed: of what is drawn (default: another one each
# time).
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

kills=50 calls=50 minutes=0 seed=$RANDOM
while (($#)); do
  case $1 in
    --kills) kills=${2:?--kills: expected a number} ;;
    --calls) calls=${2:?--calls: expected a number, or all} ;;
    --seed) seed=${2:?--seed: expected a number} ;;
    --minutes) minutes=${2:?--minutes: expected a number} ;;
    *) die "expected --kills N, --calls N, --seed S or --minutes M, got '$1'" ;;
  esac
  shift 2
done

preset=${PRESET:-release}
build "$preset" murmur murmur_fail_nth
program=build/$preset/app/murmur
walk() { python3 -B tests/faults/calls.py "$program" "build/$preset/tests/faults/libmurmur_fail_nth.so" --minutes "$minutes" "$@"; }

status=0
if [[ $kills != 0 ]]; then
  python3 -B tests/faults/kills.py "$program" --kills "$kills" --seed "$seed" --minutes "$minutes" || status=1
fi
if [[ $calls == all ]]; then
  for call in write sync open rename truncate unlink read map thread large; do walk --call "$call" || status=1; done
  walk --call memory --stacks || status=1
elif [[ $calls != 0 ]]; then
  walk --sample "$calls" --seed "$seed" || status=1
fi
exit "$status"
