#!/usr/bin/env python3
"""What pruning saves, and what it costs: the same search with each pruner, at equal trials and at equal epochs.

For every seed of the search the unpruned one is made first. A pruned one with as many trials shows the epochs that it saves;
it then goes on with more trials until it has been trained for as many epochs. Each time the best trial by validation is
trained again on train + validation beside all off, with the same seeds, and tested. What is in --output is not made again.

    bench/pruning.py --program build/release/app/murmur --seeds 5 --json bench/results/cpu-pruning.json
"""

import argparse
import json
import math
import os
import shlex
import sqlite3
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))
import budget  # noqa: E402

PRUNERS = ("none", "median", "halving", "hyperband")


def search(options, path, pruner, seed, trials):
    """Begins the search, or goes on with it; its report."""
    report = f"{path}.json"
    command = [options.program, "search", "--quiet", "--dataset", options.dataset, "--model", options.model,
               "--trials", str(trials), "--epochs", str(options.epochs), "--seed", str(seed), "--prune", pruner,
               "--device", options.device, "--threads", str(options.threads), "--confirm", "0",
               "--patience", "1000000", "--repeats", str(options.repeats), "--study", path, "--json", report]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with open(report, encoding="utf-8") as file:
        return json.load(file)


def count(path):
    """Epochs that the study's trials were trained for, and how many trials a pruner ended."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    query = "SELECT value_json FROM trial_user_attributes WHERE key = ?"
    epochs = sum(int(row[0]) for row in database.execute(query, ("epochs",)))
    pruned = len(database.execute(query, ("pruned",)).fetchall())
    database.close()
    return epochs, pruned


def point(options, path, pruner, seed, trials):
    """The search with so many trials."""
    kept = f"{path}-{trials}.json"
    if not os.path.exists(kept):
        verdict = search(options, path, pruner, seed, trials)["verdict"]
        epochs, pruned = count(path)
        with open(kept, "w", encoding="utf-8") as file:
            json.dump({"trials": trials, "epochs": epochs, "pruned": pruned, "gain": 100 * verdict["difference"],
                       "standard_error": 100 * verdict["standard_error"]}, file)  # fmt: skip
    with open(kept, encoding="utf-8") as file:
        return json.load(file)


def measure(options, pruner, seed, epochs):
    """At equal trials, and at equal epochs: [point, point]. `epochs`: of the unpruned search."""
    path = os.path.join(options.output, f"{pruner}-{seed}.db")
    first = last = point(options, path, pruner, seed, options.trials)
    while epochs and last["epochs"] < epochs:
        mean = last["epochs"] / last["trials"]
        more = max(1, math.floor((epochs - last["epochs"]) / mean))
        last = point(options, path, pruner, seed, last["trials"] + more)
    return [first, last]


def text(points, key, form):
    values = [p[key] for p in points]
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{statistics.mean(values):{form}} ± {error:{form.lstrip('+')}}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/app/murmur")
    parser.add_argument("--output", default="out/pruning", help="folder of the studies and reports")
    parser.add_argument("--dataset", default="fashion-mnist")
    parser.add_argument("--model", default="fc")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=110)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=5, help="trainings of each test")
    parser.add_argument("--pruners", default=",".join(PRUNERS[1:]), help=f"of {', '.join(PRUNERS[1:])}")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", help="write the measurement to this file")
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    rows = {}
    for seed in range(1, options.seeds + 1):
        unpruned = measure(options, "none", seed, 0)[0]
        rows.setdefault("none", []).append([unpruned, unpruned])
        for pruner in options.pruners.split(","):
            rows.setdefault(pruner, []).append(measure(options, pruner, seed, unpruned["epochs"]))
        done = ", ".join(f"{pruner} {points[-1][1]['gain']:+.2f}" for pruner, points in rows.items())
        print(f"seed {seed}, gain at equal epochs: {done}", file=sys.stderr, flush=True)
    print("| pruner | epochs at equal trials | gain there, points | trials at equal epochs | gain there, points | less unpruned |")
    print("|-|-|-|-|-|-|")
    for pruner, points in rows.items():
        same_trials, same_epochs = zip(*points)
        epochs = 100 * statistics.mean(p["epochs"] / u[0]["epochs"] for p, u in zip(same_trials, rows["none"]))
        less = [{"gain": p["gain"] - u[0]["gain"]} for p, u in zip(same_epochs, rows["none"])]
        print(f"| {pruner} | {epochs:.0f} % | {text(same_trials, 'gain', '+.2f')} | "
              f"{statistics.mean(p['trials'] for p in same_epochs):.0f} | {text(same_epochs, 'gain', '+.2f')} | "
              f"{text(less, 'gain', '+.2f') if pruner != 'none' else ''} |")  # fmt: skip
    if options.json:
        version = subprocess.run([options.program, "--version"], capture_output=True, text=True, check=True).stdout
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"command": shlex.join(sys.argv), "version": version.splitlines()[0], "rows": rows}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    sys.exit(budget.exit_status(main))
