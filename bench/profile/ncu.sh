#!/usr/bin/env bash
# What bounds each fused kernel on a GPU: Nsight Compute over a few ticks of training.
#
#   bench/profile/ncu.sh [KERNEL [PROGRAM [OPTION OF murmur train]...]]   e.g. bench/profile/ncu.sh Update
#
# KERNEL is a regular expression over the functors' names: InputForward, ActivationForward, ActivationBackward,
# LossForward, Update, Advance (default: all of them, and not the library's matrix products). Writes out/ncu.ncu-rep
# (open it with ncu-ui) and prints the summary. Clocks stay as they are in training (--clock-control none), so that the
# times compare with those of bench_kernels; --no-graph, because the nodes of a graph are profiled as one otherwise.
set -euo pipefail
kernel=${1:-run_kernel}
program=${2:-build/release/app/murmur}
shift $(($# < 2 ? $# : 2))
mkdir -p out
# Every kernel is an instance of run_kernel<Functor>; the first launches (initialisation, first tick) are left out.
ncu --clock-control none --set full --force-overwrite --export out/ncu \
  --kernel-name-base demangled --kernel-name "regex:$kernel" --launch-skip 20 --launch-count 12 \
  "$program" train --device cuda --networks 1024 --epochs 1 --quiet --no-graph \
  --set input_noise=0.2 --set activation_noise=0.05 --set dropout=0.1 --set loss_noise=0.2 --set gradient_noise=0.001 \
  --set gradient_dropout=0.1 --set weight_noise=1e-6 --set shuffle=on "$@"
ncu --import out/ncu.ncu-rep --page details --print-summary per-kernel
