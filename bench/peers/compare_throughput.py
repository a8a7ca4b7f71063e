#!/usr/bin/env python3
"""Runs bench_throughput and its peers in turns and prints one table with their ratios.

The peers are pytorch_throughput.py and, with --jax, jax_throughput.py.

Each of --rounds rounds runs both programs, and the next round runs them in the other order, so that a machine that gets
slower or busier does so for both. A ratio compares two figures of the same round; the table shows the median of the
rounds' ratios. With --minutes no round begins that would not end in time, and one that takes longer is broken off.
The peers count with their best: "one" is the best of their ways to train one network (numbers of threads, CUDA graph,
compiled), "any" the best of all their ways (processes, vmap ensembles, packs). The last lines name the fastest of all, be
it who it may, and with --ways every way that ran, with its precision and what it took to set up.

    compare_throughput.py --program build/release/bench/bench_throughput --rounds 5 --json comparison.json
"""

import argparse
import json
import os
import statistics
import subprocess
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
        try:
            options.budget.run(command + ["--json", path], label)
        except budget.OutOfTime:
            if not os.path.exists(path):
                raise
            print(f"\n{label}: the time is over; what it had measured counts", file=sys.stderr)
        with open(path, encoding="utf-8") as file:
            return json.load(file)


def run_murmur(options, label):
    command = [options.program, "--device", options.device, "--networks", options.networks]
    command += ["--images", str(options.images), "--epochs", str(options.epochs), "--repeats", str(options.repeats)]
    command += ["--model", options.model] + (["--image", options.image] if options.image else [])
    command += ["--micro-batch", "128"] + (["--tf32"] if options.tf32 else [])
    command += ["--minutes", str(0.2 * options.minutes)] if options.minutes > 0 else []
    return run(command, f"{label}, murmur, {options.model}", options)


def run_pytorch(options, label):
    command = [options.python, os.path.join(HERE, "pytorch_throughput.py"), "--device", options.device]
    command += ["--images", str(options.images), "--epochs", str(options.epochs), "--repeats", str(options.repeats)]
    command += ["--model", options.model] + (["--image", options.image] if options.image else [])
    command += ["--ensembles", options.ensembles] + (["--tf32"] if options.tf32 else [])
    command += ["--modes", options.modes] if options.modes else []
    command += ["--precisions", options.precisions] if options.precisions else []
    command += ["--minutes", str(0.6 * options.minutes)] if options.minutes > 0 else []
    return run(command, f"{label}, PyTorch, {options.model}", options)


def run_jax(options, label):
    """None where JAX is not installed."""
    command = [options.python, os.path.join(HERE, "jax_throughput.py"), "--device", options.device, "--model", options.model]
    command += ["--images", str(options.images), "--epochs", str(options.epochs), "--repeats", str(options.repeats)]
    command += ["--image", options.image] if options.image else []
    command += ["--networks", options.ensembles] + (["--tf32"] if options.tf32 else [])
    command += ["--minutes", str(0.2 * options.minutes)] if options.minutes > 0 else []
    try:
        return run(command, f"{label}, JAX, {options.model}", options)
    except FileNotFoundError:  # it wrote nothing: there is no JAX
        return None
    except (budget.OutOfTime, subprocess.CalledProcessError) as error:  # the others' figures stand without it
        print(f"\n{error}", file=sys.stderr)
        return None


def run_peers(options, label):
    """PyTorch's report, with JAX's lines among its own."""
    report = run_pytorch(options, label)
    for line in report["results"]:
        line["who"] = "PyTorch"
    jax = run_jax(options, label) if options.jax else None
    if jax is not None:
        report["results"] += [{**line, "who": "JAX"} for line in jax["results"]]
        report["skipped"] += [f"JAX, {reason}" for reason in jax["skipped"]]
        report["framework"] += f", {jax['framework']}"
    elif options.jax:
        report["skipped"].append("JAX: not installed, or no time or figure (see above)")
    return report


def rate(line):
    return line["images_per_second"]["median"]


def best(results, noise, single):
    """The fastest of the peers' lines: those that train one network (where any does), or all."""
    lines = [line for line in results if line["noise"] == noise]
    return max([line for line in lines if single and line["networks"] == 1] or lines, key=rate)


def name_of(line):
    """Who, which way, of how many networks, in which precision."""
    parts = [line.get("who", "PyTorch"), line["mode"]] + ([f"P={line['networks']}"] if line["networks"] != 1 else [])
    parts += [f"threads={line['threads']}"] if line.get("threads") and line["mode"] == "eager" else []
    return ", ".join(parts + ([line["precision"]] if line.get("precision", "fp32") != "fp32" else []))


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


def winners_of(report, tf32):
    """The fastest of all for each noise, and how much faster murmur's best is than the best peer (of the rounds' medians)."""
    winners, ratios = {}, {}
    for noise, kinds in report["pytorch"].items():
        ours = max((line for line in report["murmur"] if line["noise"] == noise), key=rate)
        candidates = [("murmur", f"P={ours['networks']}" + (", tf32" if tf32 else ""), rate(ours))]
        candidates.append(("peer", kinds["any"]["way"], kinds["any"]["images_per_second"]["median"]))
        who, way, images = max(candidates, key=lambda candidate: candidate[2])
        winners[noise] = {"who": who, "way": way, "images_per_second": images}
        ratios[noise] = candidates[0][2] / candidates[1][2]
    return winners, ratios


def print_ways(rounds):
    """Every way of the last round."""
    for line in sorted(rounds[-1][1]["results"], key=lambda line: (line["noise"], -rate(line))):
        setup = f"{line['setup_seconds']:.1f} s to set up" if line.get("setup_seconds") is not None else ""
        print(f"  noise {line['noise']:>3}  {rate(line):>14,.0f} images/s  {name_of(line)}  {setup}")
    for reason in rounds[-1][1]["skipped"]:
        print(f"  skipped: {reason}")


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
            print(f"  peers, {kind}, noise {noise}: {figure} ({line['way']})")
    print(f"{'P':>6}  {'noise':>5}  {'images/s':>12}  {'/ peer, one (min .. max)':>28}  {'/ peer, any':>28}")
    for line in report["murmur"]:
        print(
            f"{line['networks']:>6}  {line['noise']:>5}  {line['images_per_second']['median']:>12,.0f}  "
            f"{span(line['over_one']):>28}  {span(line['over_any']):>28}"
        )
    for noise, winner in report["winners"].items():
        print(f"fastest with noise {noise}: {winner['who']} ({winner['way']}), {winner['images_per_second']:,.0f} images/s")


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
                pytorch = run_peers(options, label)
            else:
                pytorch = run_peers(options, label)
                murmur = run_murmur(options, label)
        except budget.OutOfTime as error:
            print(f"\n{error}; {len(rounds)} rounds done", file=sys.stderr)
            break
        if not pytorch["results"]:
            print(f"\n{label}: no peer ran: {'; '.join(pytorch['skipped'])}", file=sys.stderr)
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
    parser.add_argument("--model", default="fc", help="a named model, or murmur's words for layers")
    parser.add_argument("--image", default="", help="HxWxC (default: 32x32x3 for vgg3, else 28x28x1)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda, of both programs")
    parser.add_argument("--networks", default="1,16,64", help="murmur's populations")
    parser.add_argument("--ensembles", default="16,64", help="networks of the peers' ensembles")
    parser.add_argument("--jax", action="store_true", help="JAX, too, where it is installed")
    parser.add_argument("--modes", default="", help="only these of pytorch_throughput.py's modes")
    parser.add_argument("--precisions", default="", help="only these of what it compiles: fp32, tf32, bf16")
    parser.add_argument("--ways", action="store_true", help="print every way that ran")
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
    report["winners"], report["murmur_over_best_peer"] = winners_of(report, options.tf32)
    print_table(report)
    if options.ways:
        print_ways(rounds)
    warn_of_slow_blas(rounds)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
            file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(budget.exit_status(main))
