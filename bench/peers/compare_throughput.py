#!/usr/bin/env python3
"""Runs bench_throughput and pytorch_throughput.py in turns and prints one table with their ratios.

Each of --rounds rounds runs both programs, and the next round runs them in the other order, so that a machine that gets
slower or busier does so for both. A ratio compares two figures of the same round; the table shows the median of the
rounds' ratios. With --minutes no round begins that would not end in time, and one that takes longer is broken off.
PyTorch counts with its best: "one" is the best of its ways to train one network (numbers of threads,
CUDA graph), "any" the best of all its ways (one process a core, vmap ensembles).

    compare_throughput.py --program build/release/bench/bench_throughput --rounds 5 --json comparison.json
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time

import budget
import fashion

HERE = os.path.dirname(os.path.abspath(__file__))


def run(command, label, options):
    """The JSON that a program writes with --json."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "result.json")
        options.budget.run(command + ["--json", path], label)
        with open(path, encoding="utf-8") as file:
            return json.load(file)


def run_murmur(options, label):
    command = [options.program, "--device", options.device, "--networks", options.networks]
    command += ["--images", str(options.images), "--epochs", str(options.epochs), "--repeats", str(options.repeats)]
    command += ["--model", options.model] + (["--image", options.image] if options.image else [])
    command += ["--micro-batch", "128"] + (["--tf32"] if options.tf32 else [])
    return run(command, f"{label}, murmur, {options.model}", options)


def run_pytorch(options, label):
    command = [options.python, os.path.join(HERE, "pytorch_throughput.py"), "--device", options.device]
    command += ["--images", str(options.images), "--epochs", str(options.epochs), "--repeats", str(options.repeats)]
    command += ["--model", options.model] + (["--image", options.image] if options.image else [])
    command += ["--ensembles", options.ensembles] + (["--tf32"] if options.tf32 else [])
    return run(command, f"{label}, PyTorch, {options.model}", options)


def rate(line):
    return line["images_per_second"]["median"]


def best(results, noise, single):
    """The fastest of PyTorch's lines: those that train one network, or all."""
    lines = [line for line in results if line["noise"] == noise and (not single or line["networks"] == 1)]
    return max(lines, key=rate)


def name_of(line):
    if line["mode"] == "eager":
        return "eager" + (f", threads={line['threads']}" if line["threads"] else "")
    return f"{line['mode']}, P={line['networks']}"


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "values": values}


def peer_lines(rounds, noise):
    """PyTorch's median images/s of "one" and "any", with the way that was the best most often."""
    lines = {}
    for kind in ("one", "any"):
        chosen = [best(pytorch["results"], noise, kind == "one") for _, pytorch in rounds]
        names = [name_of(line) for line in chosen]
        lines[kind] = {"way": statistics.mode(names), "images_per_second": summary([rate(line) for line in chosen])}
    return lines


def murmur_line(rounds, index, peers):
    """One line of bench_throughput over all rounds, against PyTorch's two."""
    lines = [murmur["results"][index] for murmur, _ in rounds]
    result = {"networks": lines[0]["networks"], "noise": lines[0]["noise"]}
    result["images_per_second"] = summary([rate(line) for line in lines])
    for kind, peer in peers[result["noise"]].items():
        values = peer["images_per_second"]["values"]
        result[f"over_{kind}"] = summary([rate(line) / value for line, value in zip(lines, values)])
    return result


def span(values):
    return f"{values['median']:7.2f} ({values['min']:.2f} .. {values['max']:.2f})"


def print_table(report):
    first = report["rounds"][0]
    print(f"murmur: {first['murmur']['device']}: {first['murmur']['description']}, commit {first['murmur']['commit']}")
    blas = ", ".join(first["pytorch"]["blas"]) or "built in"
    print(f"peer:   {first['pytorch']['framework']} on {first['pytorch']['device']}, BLAS: {blas}")
    for noise, kinds in report["pytorch"].items():
        for kind, line in kinds.items():
            figure = f"{line['images_per_second']['median']:,.0f} images/s"
            print(f"  PyTorch, {kind}, noise {noise}: {figure} ({line['way']})")
    print(f"{'P':>6}  {'noise':>5}  {'images/s':>12}  {'/ PyTorch one (min .. max)':>28}  {'/ PyTorch any':>28}")
    for line in report["murmur"]:
        print(
            f"{line['networks']:>6}  {line['noise']:>5}  {line['images_per_second']['median']:>12,.0f}  "
            f"{span(line['over_one']):>28}  {span(line['over_any']):>28}"
        )


def warn_of_slow_blas(rounds):
    """A ratio against a PyTorch with a slow matrix product says little of either program."""
    ours = statistics.median(murmur["large_gemm_flops_per_second"] for murmur, _ in rounds)
    theirs = statistics.median(pytorch["large_gemm_flops_per_second"] for _, pytorch in rounds)
    if theirs < 0.5 * ours:
        print(
            f"warning: PyTorch's large matrix product reaches {theirs * 1e-9:.0f} GFLOP/s, murmur's {ours * 1e-9:.0f}: "
            "PyTorch has a slow BLAS (Debian: install libopenblas0-pthread); these ratios are not fair",
            file=sys.stderr,
        )


def run_rounds(options):
    """Pairs of both programs' results; fewer than --rounds where the time does not suffice."""
    rounds = []
    longest = 0
    for i in range(options.rounds):
        label = f"round {i + 1} of {options.rounds}"
        if rounds and not options.budget.has_room_for(longest):
            print(f"{label}: no time for it; {len(rounds)} done", file=sys.stderr)
            break
        begin = time.monotonic()
        try:
            if i % 2 == 0:
                murmur = run_murmur(options, label)
                pytorch = run_pytorch(options, label)
            else:
                pytorch = run_pytorch(options, label)
                murmur = run_murmur(options, label)
        except budget.OutOfTime as error:
            print(f"\n{error}; {len(rounds)} rounds done", file=sys.stderr)
            break
        rounds.append((murmur, pytorch))
        longest = max(longest, time.monotonic() - begin)
    return rounds


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--program", default="build/release/bench/bench_throughput")
    parser.add_argument("--python", default=sys.executable, help="the Python that has PyTorch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="fc", choices=["fc", "lenet5", "vgg3", "resnet8"])
    parser.add_argument("--image", default="", help="HxWxC (default: 32x32x3 for vgg3, else 28x28x1)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda, of both programs")
    parser.add_argument("--networks", default="1,16,64", help="murmur's populations")
    parser.add_argument("--ensembles", default="16,64", help="PyTorch's vmap ensembles (PyTorch 2)")
    parser.add_argument("--images", type=int, default=fashion.TRAINING_IMAGES, help="a multiple of 128")
    parser.add_argument("--epochs", type=int, default=2, help="epochs of a timed run")
    parser.add_argument("--repeats", type=int, default=3, help="timed runs a round")
    parser.add_argument("--tf32", action="store_true", help="allow TF32 in matrix products, on both sides")
    budget.add_option(parser)
    parser.add_argument("--json", default="", help="write the results to this file")
    options = parser.parse_args()
    options.budget = budget.Budget(options.minutes)
    if options.images % 128 != 0:
        parser.error(f"--images: expected a multiple of 128, got {options.images}")

    rounds = run_rounds(options)
    if not rounds:
        print("no round was complete: nothing to compare", file=sys.stderr)
        return 1
    peers = {noise: peer_lines(rounds, noise) for noise in ("off", "on")}
    report = fashion.provenance()
    report.update(benchmark="compare_throughput", pytorch=peers)
    report["murmur"] = [murmur_line(rounds, i, peers) for i in range(len(rounds[0][0]["results"]))]
    report["rounds"] = [{"murmur": murmur, "pytorch": pytorch} for murmur, pytorch in rounds]
    print_table(report)
    warn_of_slow_blas(rounds)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
            file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
