#!/usr/bin/env bash
# Kills searches and trainings at random moments, and makes their calls fail, one after the other.
#
#   scripts/faults.sh [--kills N] [--each N] [--minutes M]      default: 50 kills, 4 places of each kind of call
#
# --kills N: kill -9 so often (0: none). --each N: places of each kind of call (write, sync, open, ..., memory) that are
# made to fail, evenly spread over the run; "all": every one but of memory, which has 200. --minutes: each part ends
# after so many.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

kills=50 each=4 minutes=0
while (($#)); do
  case $1 in
    --kills) kills=${2:?--kills: expected a number} ;;
    --each) each=${2:?--each: expected a number, or all} ;;
    --minutes) minutes=${2:?--minutes: expected a number} ;;
    *) die "expected --kills N, --each N or --minutes M, got '$1'" ;;
  esac
  shift 2
done

preset=${PRESET:-release}
build "$preset" murmur murmur_fail_nth
program=build/$preset/app/murmur
calls() { python3 -B tests/faults/calls.py "$program" "build/$preset/tests/faults/libmurmur_fail_nth.so" --minutes "$minutes" "$@"; }

status=0
if [[ $kills != 0 ]]; then
  python3 -B tests/faults/kills.py "$program" --kills "$kills" --seed "$RANDOM" --minutes "$minutes" || status=1
fi
if [[ $each == all ]]; then
  for call in write sync open rename truncate unlink read map thread; do calls --call "$call" || status=1; done
  calls --call memory --each 200 || status=1
elif [[ $each != 0 ]]; then
  calls --each "$each" || status=1
fi
exit "$status"
