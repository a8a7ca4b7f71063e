#!/usr/bin/env bash
# From a bare Debian or Ubuntu to a finished search: sets up what is missing, builds the program, and searches the noise
# settings of a small network on the real Fashion-MNIST with a particle swarm. Asks nothing.
#
#   scripts/quickstart.sh [SEARCH OPTION]...      e.g. scripts/quickstart.sh --trials 300 --seed 2
#
# Each search gets a study of its own, out/quickstart-N.db. One that was broken off is continued by the next call with
# the same options.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

defaults=(--dataset fashion-mnist --model fc --trials 110 --epochs 6 --seed 1 --device auto)

# The defaults that the given options do not replace.
remaining_defaults() {
  local i
  for ((i = 0; i < ${#defaults[@]}; i += 2)); do
    [[ " $* " == *" ${defaults[i]}"[\ =]* ]] || options+=("${defaults[@]:i:2}")
  done
}

# The study to work on: the broken-off one of the same options, or the next number. Beside a study lie the options it was
# begun with; when it is complete, the file is called .done.
choose_study() {
  local n=1
  while [[ -e out/quickstart-$n.done || -e out/quickstart-$n.db ]]; do
    [[ -e out/quickstart-$n.begun && $(<"out/quickstart-$n.begun") == "${options[*]}" ]] && break
    n=$((n + 1))
  done
  study=out/quickstart-$n
}

set_up build
build release murmur
options=()
remaining_defaults "$@"
options+=("$@")
if [[ " $* " == *" --help "* ]]; then
  exec build/release/app/murmur search --help
elif [[ " $* " == *" --study"[\ =]* ]]; then
  exec build/release/app/murmur search "${options[@]}"
fi
mkdir -p out
choose_study
printf '%s\n' "${options[*]}" >"$study.begun"
# An interrupted search is not complete, also when the signal came at its very end.
trap 'exit 130' INT
trap 'exit 143' TERM
report=$study.html
[[ " $* " == *" --report"[\ =]* ]] || options+=(--report "$report")
say "murmur search --study $study.db ${options[*]}"
build/release/app/murmur search --study "$study.db" "${options[@]}"
mv "$study.begun" "$study.done"
say "every trial is in $study.db (an Optuna study); the program is build/release/app/murmur:"
say "  export PATH=\"$PWD/build/release/app:\$PATH\"; murmur train --from $study.db --trial winner --save w.safetensors"
if [[ -e $report ]]; then
  say "the answer as a page for a browser: $PWD/$report"
  # Only where somebody sits in front of it.
  if [[ -t 1 && -z ${CI-} && -n ${DISPLAY-}${WAYLAND_DISPLAY-} ]] && command -v xdg-open >/dev/null; then
    xdg-open "$report" >/dev/null 2>&1 || say "no program here opens it by itself"
  fi
fi
