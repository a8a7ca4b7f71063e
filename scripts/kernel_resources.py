#!/usr/bin/env python3
"""Compiles every kernel for every architecture and prints a table of registers, shared memory and spills.

    scripts/kernel_resources.py > docs/kernel-resources.md
    scripts/kernel_resources.py build/logs/release.log      compiles only those of which that build said nothing

Exits with 1 where a kernel spills, where fewer than two blocks of one in float fit on an SM, or where nvcc warns.
"""

import glob
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ARCHITECTURES = (75, 80, 90)
THREADS_OF_SM = {75: 1024, 80: 2048, 90: 2048}
REGISTERS_OF_SM = 65536
BLOCKS_OF_SM = 16  # more on some
FEWEST_BLOCKS = 2
NVCC = os.path.join(os.environ.get("CUDA_HOME", "/usr/local/cuda"), "bin", "nvcc")

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))


def compile_kernel(source):
    """The resources of the kernels of one source."""
    with tempfile.TemporaryDirectory() as folder:
        # Headers are included as they are installed: murmur/kernels/...
        os.symlink(os.getcwd(), os.path.join(folder, "murmur"))
        command = [NVCC, "-std=c++20", "-O3", "-DMURMUR_TARGET=cuda", f"-I{folder}", "-Xptxas", "-v", "--Werror=all-warnings"]
        command += [f"-gencode=arch=compute_{sm},code=sm_{sm}" for sm in ARCHITECTURES]
        command += ["-c", source, "-o", os.path.join(folder, "kernel.o")]
        output = subprocess.run(command, capture_output=True, text=True, check=False)
    if output.returncode != 0:
        sys.exit(output.stderr)
    return resources(output.stderr.splitlines())


def resources(lines):
    """What ptxas says of one source: [(kernel, architecture, registers, shared bytes, spill bytes)]."""
    rows, kernel, sm, spills = [], "", 0, 0
    for line in lines:
        if match := re.search(r"Compiling entry function '(\w+)' for 'sm_(\d+)'", line):
            kernel, sm = match[1], int(match[2])
        elif match := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            spills = int(match[1]) + int(match[2]) + int(match[3])
        elif match := re.search(r"Used (\d+) registers", line):
            shared = re.search(r"(\d+) bytes smem", line)
            rows.append((kernel, sm, int(match[1]), int(shared[1]) if shared else 0, spills))
    return rows


def said_in(log):
    """What ptxas says in the log of a build by ninja: {source: lines}."""
    lines, source = {}, None
    with open(log, encoding="utf-8", errors="replace") as file:
        for line in file:
            if re.match(r"\[\d+/\d+\]", line):
                match = re.search(r"Building CUDA object kernels/cuda/\S*/(\w+\.cu)\.o", line)
                source = f"kernels/{match[1]}" if match else None
            elif source:
                lines.setdefault(source, []).append(line)
    return lines


def widths(source):
    """Threads a block of each kernel of a source: {struct: kWidth}."""
    constants, result, struct = {}, {}, ""
    for path in [*glob.glob("kernels/*.hpp"), source]:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        constants.update(re.findall(r"constexpr int (\w+) = (\d+);", text))
        for line in text.splitlines():
            struct = match[1] if (match := re.match(r"struct (\w+) {", line)) else struct
            if match := re.search(r"constexpr int kWidth = (\w+);", line):
                result[struct] = int(constants.get(match[1], match[1]))
    return result


def blocks_of_sm(registers, width, sm):
    """How many blocks fit: registers go to warps in steps of eight a thread."""
    return min(REGISTERS_OF_SM // (-(-registers // 8) * 8 * width), THREADS_OF_SM[sm] // width, BLOCKS_OF_SM)


def readable(names):
    """run_kernel<Update<float, murmur::FastNormals>> -> `Update<float, FastNormals>`"""
    text = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout
    return [re.search(r"::(\w+(?:<[\w:, ]+>)?)\s*>\(", line)[1].replace("murmur::", "") for line in text.splitlines()]


def main():
    sources = sorted(glob.glob("kernels/*.cu"))
    said = said_in(sys.argv[1]) if len(sys.argv) > 1 else {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = pool.map(lambda source: resources(said[source]) if source in said else compile_kernel(source), sources)
        table = dict(zip(sources, rows))
    faults = []
    print("# Registers and spills\n")
    print("What `ptxas -v` of nvcc 13.0 says of every kernel: registers a thread for each architecture, blocks of it that fit on an SM")
    print("(the fewest of the architectures), bytes of shared memory, bytes of stack and spills. Made by `scripts/kernel_resources.py`, which")
    print(f"fails where one spills, and where fewer than {FEWEST_BLOCKS} blocks of a kernel in float fit.\n")
    print("| source | kernel | " + " | ".join(f"sm_{sm}" for sm in ARCHITECTURES) + " | blocks | shared | spills |")
    print("|-|-|" + "-|" * (len(ARCHITECTURES) + 3))
    for source, rows in table.items():
        names, width = sorted({row[0] for row in rows}), widths(source)
        for name, label in sorted(zip(names, readable(names)), key=lambda pair: pair[1]):
            own = {row[1]: row for row in rows if row[0] == name}
            spills = sum(row[4] for row in own.values())
            blocks = min(blocks_of_sm(own[sm][2], width[label.split("<")[0]], sm) for sm in ARCHITECTURES)
            if spills or (blocks < FEWEST_BLOCKS and "double" not in label):
                faults.append(f"{source}: {label}: expected no spills and at least {FEWEST_BLOCKS} blocks an SM, "
                              f"got {spills} bytes and {blocks} blocks")  # fmt: skip
            registers = " | ".join(str(own[sm][2]) for sm in ARCHITECTURES)
            print(f"| {source} | `{label}` | {registers} | {blocks} | {max(row[3] for row in own.values())} | {spills} |")
    print("\n".join(faults), end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
