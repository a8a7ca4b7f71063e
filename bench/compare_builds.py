#!/usr/bin/env python3
"""Whether a change made training slower: bench_throughput of two builds in pairs, the first of a pair in turns.

Images a second of the one divided by those of the other, pair by pair, so that a machine whose speed drifts slows both; then
what noise costs (time on over off) in the one over that in the other. The interval is that of the median with at least 95 % (by the order statistics of the pairs, whatever their distribution is).

    bench/compare_builds.py before/bench_throughput after/bench_throughput --pairs 15 --json bench/results/cpu-pairs.json
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import tempfile

# Networks and images of a run, a few seconds each on two cores.
SIZES = {"fc": (16, 24000), "lenet5": (16, 2048), "vgg3": (4, 512)}


def images_per_second(program, model, noises):
    """Of each of noises; and the commit that the program says it is of"""
    networks, images = SIZES[model]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "speeds.json")
        command = [program, "--device", "cpu", "--model", model, "--networks", str(networks), "--images", str(images),
                   "--epochs", "1", "--repeats", "3", "--noise", "both" if len(noises) == 2 else noises[0],
                   "--json", path]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
    return {row["noise"]: row["images_per_second"]["median"] for row in report["results"]}, report["commit"]


def interval(ratios):
    """Of the median: the order statistics between which it lies with a probability of at least 0.95; all, of five or fewer"""
    count = len(ratios)
    rank, below = 0, 0.5**count
    while below + math.comb(count, rank + 1) * 0.5**count <= 0.025:
        rank += 1
        below += math.comb(count, rank) * 0.5**count
    return sorted(ratios)[rank], sorted(ratios)[count - 1 - rank]


def row(ratios):
    return {"median": statistics.median(ratios), "interval": interval(ratios), "least": min(ratios), "greatest": max(ratios)}


def text(values):
    return "{median:.3f} [{interval[0]:.3f}, {interval[1]:.3f}] ({least:.3f} to {greatest:.3f})".format(**values)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", help="a bench_throughput")
    parser.add_argument("after", help="another one")
    parser.add_argument("--models", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--noise", nargs="+", choices=("off", "on"), default=["off", "on"])
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--json", help="write the pairs to this file")
    options = parser.parse_args()
    if options.pairs < 1:
        parser.error(f"--pairs: expected at least 1, got {options.pairs}")
    report = {"command": "bench_throughput --epochs 1 --repeats 3 of two builds in turns", "cores": os.cpu_count(), "rows": []}
    print(f"{'model':8} noise  after / before, median of {options.pairs} pairs [its interval] (least to greatest)")
    for model in options.models:
        speeds = {noise: [] for noise in options.noise}
        for pair in range(options.pairs):
            order = ("before", "after") if pair % 2 == 0 else ("after", "before")
            found = {}
            for which in order:
                found[which], report[which] = images_per_second(getattr(options, which), model, options.noise)
            for noise in options.noise:
                speeds[noise].append((found["before"][noise], found["after"][noise]))
        ratios = {noise: [after / before for before, after in pairs] for noise, pairs in speeds.items()}
        if len(ratios) == 2:
            ratios["cost"] = [off / on for off, on in zip(ratios["off"], ratios["on"], strict=True)]
        for what, values in ratios.items():
            print(f"{model:8} {what:5}  {text(row(values))}", flush=True)
            report["rows"].append({"model": model, "networks": SIZES[model][0], "images": SIZES[model][1], "noise": what,
                                   **row(values), "pairs": speeds.get(what)})  # fmt: skip
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
