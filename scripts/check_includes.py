#!/usr/bin/env python3
"""Fails when a folder looks upward: says each include that goes against the arrows.

    scripts/check_includes.py [FOLDER OF THE REPOSITORY]

app -> distributed -> pso -> layers -> kernels -> techniques -> engine, app -> preview -> layers, and data -> engine; tests, bench and examples see all. Headers of
CUDA appear only in folders called cuda, in *.cu and *.cuh, and in the random numbers, which are cuRAND's in CUDA builds.
"""
import pathlib
import re
import sys

BELOW = {
    "engine": {"engine"},
    "techniques": {"engine", "techniques"},
    "kernels": {"engine", "techniques", "kernels"},
    "layers": {"engine", "techniques", "kernels", "layers"},
    "preview": {"engine", "techniques", "kernels", "layers", "preview"},
    "data": {"engine", "data"},
    "pso": {"engine", "techniques", "kernels", "layers", "pso"},
    "distributed": {"engine", "techniques", "kernels", "layers", "pso", "distributed"},
    "app": {"engine", "techniques", "kernels", "layers", "preview", "data", "pso", "distributed", "app"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
CUDA = re.compile(r"^(cuda|cublas|cudnn|curand|nvtx3|cooperative_groups|cub/|thrust/)")


def knows_cuda(path):
    is_random = path == pathlib.PurePath("engine/random/philox.hpp")
    return "cuda" in path.parts[1:-1] or path.suffix in {".cu", ".cuh"} or is_random


def complaints(root, path):
    folder = path.parts[0]
    for name in INCLUDE.findall((root / path).read_text(encoding="utf-8")):
        parts = name.split("/")
        if parts[0] == "murmur" and len(parts) == 2:
            yield f"{path}: expected the headers that it uses, got {name}, which is all of them"
        elif parts[0] == "murmur" and parts[1] not in BELOW[folder]:
            yield f"{path}: expected headers of {', '.join(sorted(BELOW[folder]))}, got {name}"
        elif parts[0] in {"tests", "bench", "examples"} or (parts[0] == "app" and folder != "app"):
            yield f"{path}: expected headers of {', '.join(sorted(BELOW[folder]))}, got {name}"
        elif CUDA.match(name) and not knows_cuda(path):
            yield f"{path}: expected no header of CUDA here, got {name}"
        elif parts[0] == "murmur" and folder in {"layers", "preview", "pso", "distributed", "data", "app"} and "cuda" in parts[2:]:
            yield f"{path}: expected no header of CUDA here, got {name}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    files = [
        path.relative_to(root)
        for folder in BELOW
        for path in sorted((root / folder).rglob("*"))
        if path.suffix in {".hpp", ".cpp", ".cu", ".cuh", ".in"}
    ]
    if not files:
        sys.exit(f"check_includes: expected the sources of murmur in {root}, got none")
    found = [line for path in files for line in complaints(root, path)]
    print("\n".join(found) or f"{len(files)} files look down only")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
