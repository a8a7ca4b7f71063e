# shellcheck shell=bash
# usage: . env.sh FOLDER [STUB]    FOLDER: an unpacked bundle or a build folder
#
# Sets PATH and LD_LIBRARY_PATH so that the programs of a bundle find the libraries beside them and the CUDA libraries of the
# machine, be it a toolkit's or those of Python packages. STUB: a folder with stand-ins of the CUDA libraries, found first.
murmur_root=${1:?usage: . env.sh FOLDER [STUB]}
murmur_stub=${2:-}
murmur_cuda=$(
  python3 - <<'PY' 2>/dev/null || true
import glob, site, sys, sysconfig

# Those of another version of CUDA would bring a cuDNN of that version.
roots = {sysconfig.get_paths()["purelib"], *site.getsitepackages(), *sys.path}
same = {root for root in roots if root and glob.glob(root + "/nvidia/*/lib/libcublas.so.13")}
print(":".join(sorted({path for root in same for path in glob.glob(root + "/nvidia/*/lib")})))
PY
)
for murmur_folder in "${CUDA_HOME:-/usr/local/cuda}/lib64" "${CUDA_HOME:-/usr/local/cuda}/lib"; do
  [[ ! -d $murmur_folder ]] || murmur_cuda+=${murmur_cuda:+:}$murmur_folder
done
if [[ -d $murmur_root/bin && -d $murmur_root/lib ]]; then
  export PATH="$murmur_root/bin:$PATH"
  export MURMUR_DATA=${MURMUR_DATA:-$murmur_root/data}
  murmur_libraries=$murmur_root/lib
  # A C++ library that is older than the one the programs were built with: theirs is packed, but used only then, because the
  # machine's CUDA libraries want the machine's own.
  if LD_LIBRARY_PATH=$murmur_libraries ldd "$murmur_root/bin/murmur" 2>&1 | grep -q "GLIBCXX_.*not found\|libstdc++.* => not found"; then
    murmur_libraries+=:$murmur_root/lib/c++
  fi
else
  export PATH="$murmur_root/app:$murmur_root/tests:$murmur_root/bench:$PATH"
  murmur_libraries=''
fi
murmur_path=$murmur_stub
for murmur_folder in "$murmur_libraries" "${LD_LIBRARY_PATH:-}" "$murmur_cuda"; do
  [[ -z $murmur_folder ]] || murmur_path+=${murmur_path:+:}$murmur_folder
done
export LD_LIBRARY_PATH=$murmur_path
[[ ! -d ${CUDA_HOME:-/usr/local/cuda}/bin ]] || export PATH="$PATH:${CUDA_HOME:-/usr/local/cuda}/bin"
unset murmur_root murmur_stub murmur_cuda murmur_libraries murmur_path murmur_folder
