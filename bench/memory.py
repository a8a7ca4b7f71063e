#!/usr/bin/env python3
"""Memory of populations on a CPU: what `murmur info --model` computes beside what trainings take.

Taken is the largest resident memory of a process that trains for some epochs; computed are its networks and what the program
takes whatever it trains. "Networks alone" is taken, less what the smallest training there is (with a convolution, where there
are some) takes beyond its own networks, over the networks computed. All techniques are off, so there is no copy of the weights;
images are few. The heap gives back at once what is 64 KiB or more (--heap-keeps: what the system's does; it keeps 1 to 3 MiB in
which oneDNN has compiled). Exit code 1 where a process takes over 5 % more or less than computed.

    bench/memory.py --program build/release/app/murmur
"""
import argparse
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))
import budget  # noqa: E402

TOLERANCE = 0.05
SMALLEST = {"products": "flatten linear", "convolutions": "pool14 conv8 flatten linear"}
HEAP_GIVES_BACK = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=65536:glibc.malloc.trim_threshold=65536"}


def computed(options, model, networks):
    """Bytes of a population that one thread trains, and of the program"""
    report = subprocess.run([options.program, "info", "--model", model, "--networks", str(networks), "--images", "28x28x1",
                             "--device", "cpu", "--json", "-"],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)  # fmt: skip
    memory = json.loads(report.stdout)["memory"]
    each = memory["bytes_per_network"]
    size_of_each = sum(size for name, size in each.items() if name != "weight_copy")
    return networks * size_of_each + memory["bytes_per_thread"], memory["bytes_of_program"]


def taken(options, model, networks):
    """Bytes of the process that trains it"""
    command = [options.program, "train", "--quiet", "--data", options.data, "--model", model, "--networks", str(networks),
               "--epochs", str(options.epochs), "--device", "cpu", "--threads", "1"]  # fmt: skip
    environment = os.environ | ({} if options.heap_keeps else HEAP_GIVES_BACK)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"expected it to train, got status {status}: {' '.join(command)}")
    return usage.ru_maxrss * 1024


def write_images(folder):
    """160 and 32 of 28 x 28 pixels, in Fashion-MNIST's format"""
    for part, count in (("train", 160), ("t10k", 32)):
        pixels, labels = random.randbytes(count * 784), bytes(i % 10 for i in range(count))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, count, 28, 28) + pixels)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + labels)


def report(options):
    always = {kind: taken(options, model, 1) - computed(options, model, 1)[0] for kind, model in SMALLEST.items()}
    print("always, MiB: " + ", ".join(f"{size / 2**20:.1f} with {kind}" for kind, size in always.items()) + "\n")
    print("| | networks | computed: networks, MiB | program, MiB | taken, MiB | taken / computed | networks alone |")
    print("|-|-|-|-|-|-|-|")
    is_near = True
    for model in options.models.split(","):
        of_kind = always["products" if model == "fc" or model.startswith("flatten") else "convolutions"]
        for networks in map(int, options.networks.split(",")):
            (population, program), got = computed(options, model, networks), taken(options, model, networks)
            ratio = got / (population + program)
            is_near = is_near and abs(ratio - 1) <= TOLERANCE
            print(f"| {model} | {networks} | {population / 2**20:.1f} | {program / 2**20:.1f} | {got / 2**20:.1f} | {ratio:.3f} "
                  f"| {(got - of_kind) / population:.3f} |", flush=True)
    return 0 if is_near else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/app/murmur")
    parser.add_argument("--models", default="fc,lenet5,vgg3,resnet8")
    parser.add_argument("--networks", default="1,16,64")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--heap-keeps", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as options.data:
        write_images(pathlib.Path(options.data))
        return report(options)


if __name__ == "__main__":
    sys.exit(budget.exit_status(main))
