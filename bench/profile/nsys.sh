#!/usr/bin/env bash
# The timeline of a short training on a GPU: NVTX ranges, kernels, copies.
#
#   bench/profile/nsys.sh [PROGRAM [OPTION OF murmur train]...]      e.g. bench/profile/nsys.sh build/release/app/murmur --networks 256
#
# Writes out/nsys.nsys-rep (open it with nsys-ui) and prints the summaries. NVTX ranges mark the capture of a graph and
# not its replay; --no-graph launches every kernel by itself, so that each lies in its range. GRAPH=1 keeps the graph:
# use it to see the gaps between the ticks, as they are when nobody looks.
set -euo pipefail
program=${1:-build/release/app/murmur}
shift || true
graph=(--no-graph)
trace=(--cuda-graph-trace=node)
if [[ ${GRAPH:-0} == 1 ]]; then
  graph=()
  trace=(--cuda-graph-trace=graph)
fi
mkdir -p out
nsys profile --trace=cuda,nvtx "${trace[@]}" --force-overwrite=true --output=out/nsys \
  "$program" train --device cuda --networks 64 --epochs 1 --quiet ${graph[@]+"${graph[@]}"} \
  --set input_noise=0.2 --set activation_noise=0.05 --set dropout=0.1 --set loss_noise=0.2 --set gradient_noise=0.001 \
  --set gradient_dropout=0.1 --set weight_noise=1e-6 --set shuffle=on "$@"
nsys stats --report cuda_gpu_kern_sum,nvtx_sum --force-export=true out/nsys.nsys-rep
