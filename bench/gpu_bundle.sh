#!/usr/bin/env bash
# Packs programs for a machine that has a GPU, CUDA and Python but none of this distribution's packages: one file with the
# programs, the shared libraries that they need, data, the peers and bench/gpu.sh.
#
#   cmake --preset gpu-bundle && cmake --build --preset gpu-bundle
#   bench/gpu_bundle.sh OUT_DIR PROGRAM...       e.g. bench/gpu_bundle.sh out build/gpu-bundle/{app/murmur,tests/*_tests,bench/bench_*}
#
# writes OUT_DIR/bundle.tar.xz, below 64 MiB. There:
#
#   mkdir bundle && tar -xJf bundle.tar.xz -C bundle && bundle/bench/gpu_bundle.sh --verify bundle && bundle/bench/gpu.sh
#
# CUDA, cuDNN and the C library are the machine's. So is the C++ library, unless it is older than the programs: then the packed
# one serves. --verify says what is missing, also which version of the C library is wanted where it is too old.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
most_bytes=$((64 * 1024 * 1024))

die() {
  printf 'gpu_bundle.sh: %s\n' "$*" >&2
  exit 1
}

usage() {
  printf 'gpu_bundle.sh: expected OUT_DIR PROGRAM... or --verify FOLDER, got %s (see its head)\n' "$1" >&2
  exit 2
}

# Every program of an unpacked bundle finds every library, in the version it wants.
verify() {
  local program output missing failed=0
  [[ -d $1/bin && -d $1/lib ]] || die "--verify: expected an unpacked bundle with bin/ and lib/, got '$1'"
  # shellcheck source=bench/gpu/env.sh
  . "$here/gpu/env.sh" "$(cd "$1" && pwd)"
  for program in "$1"/bin/*; do
    output=$(ldd "$program" 2>&1) || true
    missing=$(grep -E 'not found|not a dynamic' <<<"$output" | sed 's/^[[:space:]]*//' | sort -u) || true
    if [[ -n $missing ]]; then
      printf '%s: %s\n' "$(basename "$program")" "${missing//$'\n'/; }"
      failed=1
    fi
  done
  ((!failed)) || die "--verify: libraries are missing (CUDA's: is a toolkit with cuDNN there? CUDA_HOME or LD_LIBRARY_PATH names it)"
  murmur info >/dev/null || die "--verify: murmur info failed"
  # What is loaded late, ldd does not know.
  murmur --version | grep -q '^cuDNN [0-9]' || die "--verify: $(murmur --version | grep cuDNN) (CUDA_HOME or LD_LIBRARY_PATH names it)"
  printf 'every program finds its libraries; %s\n' "$(murmur --version | head -n 1)"
}

# pack_libraries STAGE PROGRAM: what a machine with CUDA and a C++ run time lacks.
pack_libraries() {
  local library name
  ldd "$2" | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | while read -r library; do
    name=$(basename "$library")
    case $name in
      libcurl*) cp -L "$library" "$1/lib/" ;;
      ld-linux* | libc.* | libm.* | libdl.* | libpthread.* | librt.* | libcu* | libnv* | libnccl*) ;;
      libstdc++.* | libgcc_s.*) cp -L "$library" "$1/lib/c++/" ;;
      *) cp -L "$library" "$1/lib/" ;;
    esac
  done
}

pack_data() {
  local name folder
  for name in fashion-mnist mnist; do
    for folder in "${MURMUR_DATA:-}/$name" "/usr/share/datasets/$name"; do
      [[ -d $folder ]] || continue
      mkdir -p "$1/data/$name"
      cp -L "$folder"/*-ubyte* "$1/data/$name/"
      break
    done
    # One set is enough for every step; the second goes in where it is small.
    [[ ! -d $1/data/$name ]] || return 0
  done
  printf 'gpu_bundle.sh: no MNIST or Fashion-MNIST found; the steps that train will fail without --data\n' >&2
}

pack() {
  local out=$1 stage program size
  shift
  stage=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$stage'" EXIT
  mkdir -p "$stage/bin" "$stage/lib/c++" "$out"
  for program; do
    [[ -x $program && ! -d $program ]] || die "expected a program, got '$program'"
    cp "$program" "$stage/bin/"
    pack_libraries "$stage" "$program"
  done
  strip --strip-unneeded "$stage"/bin/* 2>/dev/null || true
  pack_data "$stage"
  mkdir -p "$stage/bench"
  cp -r "$here/gpu.sh" "$here/gpu_bundle.sh" "$here/gpu" "$here/peers" "$stage/bench/"
  find "$stage/bench" -name __pycache__ -prune -exec rm -r {} +
  tar -C "$stage" -c . | xz -T0 "${XZ_DEFAULTS--6}" >"$out/bundle.tar.xz"
  size=$(stat -c %s "$out/bundle.tar.xz")
  printf '%s: %d.%d MiB (at most %d), %d programs, %d libraries\n' "$out/bundle.tar.xz" $((size >> 20)) \
    $(((size & 1048575) * 10 >> 20)) $((most_bytes >> 20)) $# "$(find "$stage/lib" -type f | wc -l)"
  ((size <= most_bytes)) || die "expected at most $((most_bytes >> 20)) MiB, got $((size >> 20)): name fewer programs"
}

case ${1:-} in
  --verify)
    (($# == 2)) || usage "$# words"
    verify "$2"
    ;;
  '' | -*) usage "'${1:-}'" ;;
  *)
    (($# > 1)) || usage "no program"
    pack "$@"
    ;;
esac
