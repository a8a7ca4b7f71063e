#!/usr/bin/env bash
# dieharder's tests (Debian: apt-get install dieharder) on the raw streams of bench_statistics, one after the other.
#
#   bench/dieharder.sh [OPTION]...
#     --build DIR       the build folder (build/release)
#     --layouts LIST    orders of the words (all that bench_statistics --help names)
#     --tests LIST      dieharder's numbers (those that are said to be good and take less than half a minute each)
#     --seed N          of the streams (1)
#     --results FILE    a line a p value: layout,number,test,tuple,samples,repetitions,p,assessment
#                       (bench/results/dieharder.csv); what it has already is not run again
#     --page FILE       writes the summary into this page, docs/statistics.md
#
# A list has blanks or commas. It runs on one core, and nicely.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  printf 'dieharder.sh: %s (see the head of %s)\n' "$1" "$root/bench/dieharder.sh" >&2
  exit 2
}

build=$root/build/release seed=1 results=$root/bench/results/dieharder.csv page=''
layouts='element item update epoch layer technique network seed upper-seed'
tests='0 1 2 3 4 8 9 10 11 12 13 15 16 17 100 101 102 202 204 205 206 209'
while (($#)); do
  case $1 in
    --build | --layouts | --tests | --seed | --results | --page)
      (($# > 1)) || usage "$1: expected a value, got none"
      declare "${1#--}=${2//,/ }"
      shift
      ;;
    *) usage "unknown option '$1'" ;;
  esac
  shift
done
program=$build/bench/bench_statistics
[[ -x $program ]] || usage "expected the program $program, found none: build it, or give --build"
command -v dieharder >/dev/null || usage "expected the program dieharder, found none (apt-get install dieharder)"

# One test, a line a p value. Flags of -D: test name, tuple, samples, repetitions, p value, assessment. The lines count
# only when dieharder has come to its end.
run_test() {
  local layout=$1 test=$2 output
  output=$("$program" --raw --layout "$layout" --seed "$seed" |
    nice -n 10 dieharder -g 200 -d "$test" -c , -D test_name -D ntuple -D tsamples -D psamples -D pvalues -D assessment)
  awk -F, -v prefix="$layout,$test," 'NF == 6 { gsub(/ /, ""); print prefix $0 }' <<<"$output" >>"$results"
}

# A row a test, a column a layout: the least p value of those that the test has there, from a two-sided view (dieharder's
# are uniform in [0, 1], and both ends are suspicious).
summary() {
  awk -F, -v layouts="$layouts" '
    function two_sided(p) { return 2 * (p < 0.5 ? p : 1 - p) }
    {
      if (!($3 in seen)) { seen[$3] = 1; names[++num_names] = $3 }
      p = two_sided($7); key = $3 SUBSEP $1; count[key]++; total++
      if (!(key in least) || p < least[key]) least[key] = p
      if (!overall_set || p < overall) { overall = p; overall_set = 1 }
      assessed[$8]++; within[$3] = count[key]
      if (p < 0.05) below++
    }
    END {
      n = split(layouts, columns, " ")
      printf "\n%d p values: %d passed, %d weak (below 0.005 or above 0.995: %.1f by chance), %d failed (below 1e-6). ", total,
        assessed["PASSED"], assessed["WEAK"], total / 100, assessed["FAILED"]
      printf "The least, two-sided, is %.2g; times their number %.2g. Below 0.05: %d (%.1f by chance).\n\n", overall,
        (overall * total < 1 ? overall * total : 1), below, total / 20
      printf "| | p values |"; for (i = 1; i <= n; ++i) printf " %s |", columns[i]
      printf "\n|-|-|"; for (i = 1; i <= n; ++i) printf "-|"
      printf "\n"
      for (t = 1; t <= num_names; ++t) {
        printf "| `%s` | %d |", names[t], within[names[t]]
        for (i = 1; i <= n; ++i) {
          key = names[t] SUBSEP columns[i]
          if (key in least) printf " %.2g |", least[key]; else printf " |"
        }
        printf "\n"
      }
      printf "\n"
    }' "$results"
}

# Replaces what is between the lines "<!-- dieharder -->" and "<!-- end of dieharder -->".
write_page() {
  local new
  if ! grep -qx '<!-- dieharder -->' "$page" || ! grep -qx '<!-- end of dieharder -->' "$page"; then
    usage "$page: expected the lines '<!-- dieharder -->' and '<!-- end of dieharder -->'"
  fi
  new=$(mktemp "$page.XXXXXX")
  {
    sed '/^<!-- dieharder -->$/q' "$page"
    summary
    sed -n '/^<!-- end of dieharder -->$/,$p' "$page"
  } >"$new"
  chmod --reference="$page" "$new"
  mv "$new" "$page"
}

mkdir -p "$(dirname "$results")"
touch "$results"
for layout in $layouts; do
  for test in $tests; do
    if grep -q "^$layout,$test," "$results"; then continue; fi
    printf '%s: test %s (at %s s)\n' "$layout" "$test" "$SECONDS" >&2
    run_test "$layout" "$test"
  done
done
if [[ -n $page ]]; then write_page; else summary; fi
