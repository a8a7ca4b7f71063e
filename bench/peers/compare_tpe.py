#!/usr/bin/env python3
"""Searches the same space with murmur's swarm and with Optuna's TPE, and compares what they find.

Both have the same trials, epochs, abort rule, data, ranges and start (everything off first); TPE is Optuna's default
sampler, told one trial after the other, each trained by `murmur train`. The best trial of each by validation, and the
base setting, are then trained on train + validation with the same fresh seeds and tested: no confirmation on either
side. Intermediate results are kept in --output, so that a run which is broken off goes on.

    compare_tpe.py --program build/release/app/murmur --seeds 5 --trials 110 --epochs 6 --output out/tpe
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys

try:
    import optuna
except ImportError:
    sys.exit("compare_tpe.py: expected Optuna (Debian: python3-optuna), found none of this Python's")

import budget

TEST_SEED = 1000000  # of the trainings that test; no trial has it
SEED_STRIDE = 10000  # between searches, so that no two share a trial's seed


def train(options, settings, seed, *arguments):
    """One `murmur train`; its report."""
    path = os.path.join(options.output, f"train-{os.getpid()}.json")
    command = [options.program, "train", "--quiet", "--dataset", options.dataset, "--model", options.model,
               "--epochs", str(options.epochs), "--seed", str(seed), "--device", options.device,
               "--json", path, *arguments]  # fmt: skip
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def swarm_study(options, seed):
    """The swarm's search of this seed; its Optuna study and the settings of its best trial."""
    path = os.path.join(options.output, f"swarm-{seed}.db")
    report = os.path.join(options.output, f"swarm-{seed}.json")
    if not os.path.exists(report):
        subprocess.run(
            [options.program, "search", "--quiet", "--dataset", options.dataset, "--model", options.model,
             "--trials", str(options.trials), "--epochs", str(options.epochs), "--seed", str(seed * SEED_STRIDE),
             "--abort-below", str(options.abort_below), "--device", options.device, "--confirm", "0",
             "--repeats", "1", "--study", path, "--json", report],
            check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{copy_for_optuna(options, path)}")
    return study, study.best_trial.params, study.best_value


def copy_for_optuna(options, path):
    """A copy that Optuna 3.0 and 3.1 read too."""
    copy = path + ".copy"
    if not os.path.exists(copy):
        subprocess.run([options.program, "study", "copy", path, copy], check=True, stdout=subprocess.DEVNULL)
        if optuna.__version__.startswith(("3.0", "3.1")):
            import sqlite3

            with sqlite3.connect(copy) as database:
                database.execute("UPDATE alembic_version SET version_num = 'v3.0.0.d'")
    return copy


def tpe_study(options, seed, distributions, base):
    """The same search with TPE: the settings of its best trial, its value, and how many trials ended how."""
    report = os.path.join(options.output, f"tpe-{seed}.json")
    if os.path.exists(report):
        with open(report, encoding="utf-8") as file:
            return json.load(file)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial(base)
    for number in range(options.trials):
        trial = study.ask(distributions)
        result = train(options, trial.params, seed * SEED_STRIDE + number)["networks"][0]
        state, value = optuna.trial.TrialState.COMPLETE, None
        for epoch, record in enumerate(result["history"], 1):
            accuracy = value = record["validation_accuracy"]
            if accuracy is None:
                state = optuna.trial.TrialState.FAIL
                break
            trial.report(accuracy, epoch)
            if accuracy < options.abort_below:
                if options.aborted == "pruned":
                    state = optuna.trial.TrialState.PRUNED
                break
        study.tell(trial, value if state == optuna.trial.TrialState.COMPLETE else None, state)
        best = max((t.value for t in study.trials if t.state.name == "COMPLETE"), default=math.nan)
        print(f"\rTPE, seed {seed}: {number + 1} of {options.trials} trials, best {best:.4f}", end="", file=sys.stderr)
    print(file=sys.stderr)
    states = [t.state.name for t in study.trials]
    found = {"params": study.best_trial.params, "value": study.best_value,
             "complete": states.count("COMPLETE"), "pruned": states.count("PRUNED")}  # fmt: skip
    with open(report, "w", encoding="utf-8") as file:
        json.dump(found, file)
    return found


def test(options, settings):
    """Test accuracies of the setting after training on train + validation."""
    networks = train(options, settings, TEST_SEED, "--train-on-all", "--networks", str(options.repeats))["networks"]
    return [network["test_accuracy"] for network in networks]


def gain(winner, baseline):
    """Mean paired difference and its standard error, in points."""
    differences = [100 * (a - b) for a, b in zip(winner, baseline)]
    return statistics.mean(differences), statistics.stdev(differences) / math.sqrt(len(differences))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/app/murmur")
    parser.add_argument("--output", default="out/tpe", help="folder of the studies and reports")
    parser.add_argument("--dataset", default="fashion-mnist")
    parser.add_argument("--model", default="fc")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=110)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=5, help="trainings of each test")
    parser.add_argument("--abort-below", type=float, default=0.12)
    parser.add_argument("--aborted", default="pruned", choices=("pruned", "value"),
                        help="how TPE is told of an aborted trial: as pruned, or as complete with its last accuracy")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", help="write the comparison to this file")
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    baseline = test(options, {})
    rows = []
    print(f"{'seed':>4}  {'swarm: validation':>18} {'gain on test':>14}  {'TPE: validation':>16} {'gain on test':>14}")
    for seed in range(1, options.seeds + 1):
        study, swarm_params, swarm_value = swarm_study(options, seed)
        tpe = tpe_study(options, seed, study.trials[0].distributions, study.trials[0].params)
        gains = [gain(test(options, params), baseline) for params in (swarm_params, tpe["params"])]
        rows.append({"seed": seed, "swarm": {"validation": swarm_value, "gain": gains[0], "params": swarm_params},
                     "tpe": {"validation": tpe["value"], "gain": gains[1], "params": tpe["params"]}})  # fmt: skip
        swarm_text, tpe_text = (f"{mean:+.2f} ± {error:.2f}" for mean, error in gains)
        print(f"{seed:>4}  {swarm_value:>18.4f} {swarm_text:>14}  {tpe['value']:>16.4f} {tpe_text:>14}", flush=True)
    differences = [row["swarm"]["gain"][0] - row["tpe"]["gain"][0] for row in rows]
    print(f"mean  {statistics.mean(r['swarm']['validation'] for r in rows):>18.4f} "
          f"{statistics.mean(r['swarm']['gain'][0] for r in rows):>+14.2f}  "
          f"{statistics.mean(r['tpe']['validation'] for r in rows):>16.4f} "
          f"{statistics.mean(r['tpe']['gain'][0] for r in rows):>+14.2f}")  # fmt: skip
    if len(rows) > 1:
        error = statistics.stdev(differences) / math.sqrt(len(rows))
        print(f"swarm minus TPE on test: {statistics.mean(differences):+.2f} ± {error:.2f} points ({len(rows)} searches)")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"command": sys.argv, "optuna": optuna.__version__, "baseline": baseline, "rows": rows}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    sys.exit(budget.exit_status(main))
