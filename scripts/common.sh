# shellcheck shell=bash
# What the scripts share: packages, builds, test runs. Source it; it changes into the repository's root.
#
#   set_up GROUP...        installs the missing Debian/Ubuntu packages of the groups: build, test, check, peers
#   build PRESET [TARGET]  configures and compiles, all targets or one
#   run_tests RUN [CTEST OPTION]...      of a build: PRESET, or PRESET:NAME, whose results are kept by themselves;
#                          GTEST_FILTER chooses among the tests of GoogleTest's programs
#   count_tests RUN...     sets PASSED, FAILED and SKIPPED from the last runs of these names
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

LOGS=build/logs

say() { printf '== %s\n' "$*"; }

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# run_logged NAME COMMAND...: runs quietly, its output in a log file; shows the log's end and stops where it fails.
run_logged() {
  local log=$LOGS/$1.log
  shift
  mkdir -p "$LOGS"
  "$@" >"$log" 2>&1 && return
  tail -n 60 "$log" >&2
  die "failed: $* (all of its output: $log)"
}

packages_of() {
  case $1 in
    build)
      # oneDNN's CMake files look for OpenCL, which its package does not bring.
      echo g++ cmake ninja-build libdnnl-dev ocl-icd-opencl-dev zlib1g-dev libstb-dev libfmt-dev \
        nlohmann-json3-dev libcli11-dev libtomlplusplus-dev libsqlite3-dev libsqlitecpp-dev libboost-dev libeigen3-dev \
        libcurl4-openssl-dev libarchive-dev libssl-dev libgtest-dev libgmock-dev libbenchmark-dev dataset-fashion-mnist
      ;;
    # With MPI the program is built for many GPUs, too.
    test) echo python3-optuna python3-torch libopenmpi-dev openmpi-bin ;;
    # Without libopenblas0-pthread Debian's PyTorch multiplies matrices with the reference BLAS, ten times slower.
    peers) echo python3-torch libopenblas0-pthread ;;
    check)
      echo clang lld clang-format-14 clang-tidy-14 shellcheck libboost-context-dev doxygen zsh mandoc
      # The page of reports, its tests in a browser, and single charts. A Node.js that is not Debian's brings its own
      # npm, and Debian's refuses to be installed beside it.
      echo chromium librsvg2-bin
      command -v npm >/dev/null || echo nodejs npm
      ;;
    *) die "packages: expected build, test, check or peers, got '$1'" ;;
  esac
}

is_installed() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

as_root() {
  if ((EUID == 0)); then env "$@"; else sudo -n env "$@"; fi
}

apt() { as_root DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"; }

set_up() {
  local group package missing=()
  if ! command -v apt-get >/dev/null; then
    say "packages: no apt-get here; expecting the dependencies to be installed"
    return
  fi
  for group; do
    for package in $(packages_of "$group"); do
      is_installed "$package" || missing+=("$package")
    done
  done
  ((${#missing[@]})) || return 0
  say "packages: installing ${missing[*]}"
  if ((EUID != 0)) && ! sudo -n true 2>/dev/null; then
    die "expected root or sudo without a password; install them yourself: apt-get install ${missing[*]}"
  fi
  SECONDS=0
  run_logged packages apt update
  run_logged packages apt install --no-install-recommends "${missing[@]}"
  say "packages: installed in $SECONDS s"
}

# Passes ninja's output on into the log and says how far it is, four times in a build.
show_progress() {
  local line shown=0
  while IFS= read -r line; do
    printf '%s\n' "$line" >&3
    if [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] && ((BASH_REMATCH[1] * 4 / BASH_REMATCH[2] > shown)); then
      shown=$((BASH_REMATCH[1] * 4 / BASH_REMATCH[2]))
      say "$1: ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} steps, $SECONDS s"
    fi
  done
}

build() {
  local preset=$1 log=$LOGS/$1.log
  local compile=(cmake --build --preset "$preset" --parallel "$(nproc)")
  (($# < 2)) || compile+=(--target "${@:2}")
  SECONDS=0
  run_logged "$preset" cmake --preset "$preset" ${CONFIGURE_OPTIONS:+"${CONFIGURE_OPTIONS[@]}"}
  say "build ($preset): $(grep -o 'CUDA target: .*' "$log")"
  if ! "${compile[@]}" 2>&1 | show_progress "build ($preset)" 3>>"$log"; then
    tail -n 60 "$log" >&2
    die "failed: ${compile[*]} (all of its output: $log)"
  fi
}

results_of() {
  local preset=${1%%:*}
  [[ $1 == *:* ]] && printf 'build/%s/results-%s' "$preset" "${1#*:}" || printf 'build/%s/results' "$preset"
}

# Tests write and synchronise hundreds of small files and studies: in memory where that has room,
# or a sixth of their time is the disk's.
folder_for_tests() {
  local kib
  kib=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1) || kib=0
  [[ -w /dev/shm ]] && ((kib > 2 << 20)) && printf /dev/shm || printf /tmp
}

run_tests() {
  local preset=${1%%:*} results status=0
  local -x TMPDIR=${TMPDIR:-$(folder_for_tests)}
  results=$(results_of "$1")
  rm -rf "$results" "build/$preset/reports"
  mkdir -p "$results"
  ctest --preset "$preset" --parallel "$(nproc)" --no-tests=error --output-junit "$PWD/$results/tests.xml" "${@:2}" || status=$?
  [[ ! -d build/$preset/reports ]] || mv "build/$preset/reports" "$results/"
  ((status == 0)) || return "$status"
  count_tests "$1"
  ((PASSED + FAILED + SKIPPED)) || die "expected tests of this name, got none: GTEST_FILTER=${GTEST_FILTER:-}"
}

# The tests of GoogleTest's programs are counted in their own reports, other programs are a test each; so is a process of
# GoogleTest that failed without a report.
count_tests() {
  local run results name status
  PASSED=0 FAILED=0 SKIPPED=0
  add_counts() { PASSED=$((PASSED + $1 - $2 - $3)) FAILED=$((FAILED + $2)) SKIPPED=$((SKIPPED + $3)); }
  for run; do
    results=$(results_of "$run")
    while read -r name status; do
      if [[ -e $results/reports/$name.xml ]]; then
        # shellcheck disable=SC2046
        add_counts $(sed -n 's/.*<testsuite name.* tests="\([0-9]*\)" failures="\([0-9]*\)".* skipped="\([0-9]*\)".*/\1 \2 \3/p' \
          "$results/reports/$name.xml" | awk '{ t += $1; f += $2; s += $3 } END { print t + 0, f + 0, s + 0 }')
      elif [[ $status == run ]]; then
        [[ $name == *_tests_[0-9]* ]] || add_counts 1 0 0
      elif [[ $status == fail ]]; then
        add_counts 1 1 0
      else
        add_counts 1 0 1
      fi
    done < <(sed -n 's/.*<testcase name="\([^"]*\)".* status="\([a-z]*\)".*/\1 \2/p' "$results/tests.xml" 2>/dev/null)
  done
}
