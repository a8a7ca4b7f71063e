#!/usr/bin/env bash
# Where the CPU's time goes: Linux perf over a training on one thread.
#
#   bench/profile/perf.sh [PROGRAM [OPTION OF murmur train]...]      e.g. bench/profile/perf.sh build/release/app/murmur --epochs 3
#
# Prints the hottest functions and the counters; perf annotate -i out/perf.data shows a function's instructions. A fused
# kernel appears as its functor's operator(). oneDNN writes its matrix products while it runs: ONEDNN_JIT_PROFILE=6 makes
# it tell perf their names, which perf inject --jit adds.
set -euo pipefail
program=${1:-build/release/app/murmur}
shift || true
mkdir -p out
train=("$program" train --device cpu --threads 1 --networks 2 --epochs 2 --quiet
  --set input_noise=0.2 --set activation_noise=0.05 --set dropout=0.1 --set loss_noise=0.2 --set gradient_noise=0.001
  --set gradient_dropout=0.1 --set weight_noise=1e-6 --set shuffle=on "$@")
# Virtual machines often have no cycle counter: perf then samples by time.
event=cycles
perf stat -e cycles true 2>&1 | grep -q 'not supported' && event=cpu-clock
ONEDNN_JIT_PROFILE=6 JITDUMPDIR=$PWD/out perf record -k mono -e "$event" --output out/perf.raw "${train[@]}"
perf inject --jit --input out/perf.raw --output out/perf.data
perf report --stdio --input out/perf.data --no-children --percent-limit 0.5 | grep -v '^$'
perf stat -d "${train[@]}"
