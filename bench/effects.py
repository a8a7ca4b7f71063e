#!/usr/bin/env python3
"""Trains fc on MNIST with one technique on at a time, under the study's definitions, and tabulates the effects.

Every setting is trained for 50 epochs on train + validation with 5 seeds, next to "all off" and to the best setting
that the study found. Results are added to the JSON file as they come; settings that are in it are not trained again.

    bench/effects.py --data ../mnist --json bench/results/effects-mnist.json --markdown docs/effects.md
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))
import budget  # noqa: E402
import fashion  # noqa: E402

# The study's best fc setting, of a search over 20 epochs, with its schedules moved to 50.
BEST = {
    "rotation": 0.0157, "zoom": 0.0588, "translation": 0.0581, "contrast": 0.0987, "input_noise": 0.2741,
    "label_smoothing": 0.006, "init_scale": 0.0588, "activation_noise": 0.0005, "loss_noise": 0.1178,
    "optimizer": "adam", "learning_rate": 10**-2.3836, "learning_rate_schedule": -0.83128, "batch_size": 350,
    "batch_size_schedule": 0.70864, "weight_noise": 10**-5.9986, "gradient_noise": 0.0272,
    "gradient_dropout": 0.0036,
}  # fmt: skip

# Values to try each technique at, all the others off: a tenth, half and all of its range, where it has one.
LEVELS = {
    "shuffle": ["on"],
    "flip": ["horizontal", "vertical", "both"],
    "rotation": [0.02, 0.1, 0.2],
    "zoom": [0.02, 0.1, 0.2],
    "translation": [0.02, 0.1, 0.2],
    "contrast": [0.02, 0.1, 0.2],
    "input_noise": [0.1, 0.5, 1],
    "label_smoothing": [0.1, 0.5, 1],
    "init_scale": [0.01, 0.1],
    "dropout": [0.05, 0.25, 0.5],
    "dropconnect": [0.05, 0.25, 0.5],
    "frozen_fraction": [0.1, 0.5, 1],
    "activation_noise": [0.01, 0.05, 0.1],
    "loss_noise": [0.1, 0.5, 1],
    "optimizer": ["momentum", "adam"],
    "learning_rate": [1e-4, 1e-2],
    "learning_rate_schedule": [-0.5, 0.5],
    "batch_size": [256, 512, 1024],
    "batch_size_schedule": [0.5, 1],  # from the least batch size it can only double
    "weight_noise": [1e-5, 1e-3, 1e-1],
    "gradient_noise": [0.1, 0.5, 1],
    "gradient_dropout": [0.05, 0.25, 0.5],
}


def settings():
    """(name, technique, {key: value}, micro-batch): the middle of every range first."""
    yield "all off", "", {}, 128
    yield "best setting of the study", "", BEST, 32
    for order in (1, 0, 2):
        for key, values in LEVELS.items():
            index = order if len(values) == 3 else {1: 0, 0: 1, 2: 2}[order]
            if index < len(values):
                yield f"{key} = {values[index]}", key, {key: values[index]}, 128


def train(options, setting, micro_batch):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "result.json")
        command = [options.program, "train", "--dataset", "mnist", "--data", options.data, "--model", "fc", "--paper"]
        command += ["--train-on-all", "--networks", str(options.seeds), "--epochs", str(options.epochs), "--seed", "1"]
        command += ["--micro-batch", str(micro_batch), "--device", options.device, "--quiet", "--json", path]
        for key, value in setting.items():
            command += ["--set", f"{key}={value}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with open(path, encoding="utf-8") as file:
            return [network["test_accuracy"] for network in json.load(file)["networks"]]


def mean_sd(values):
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((x - mean) ** 2 for x in values) / (len(values) - 1))


def markdown(report):
    """The table, techniques in the study's order."""
    rows = report["results"]
    off = mean_sd(rows["all off"]["test_accuracy"])

    def line(name, text):
        mean, sd = mean_sd(rows[name]["test_accuracy"])
        error = math.sqrt((sd**2 + off[1] ** 2) / len(rows[name]["test_accuracy"]))
        effect = "" if name == "all off" else f"{100 * (mean - off[0]):+.2f} ± {100 * error:.2f}"
        return f"| {text} | {mean:.4f} ± {sd:.4f} | {effect} |"

    lines = ["| technique | test accuracy | effect, % points |", "|-|-|-|", line("all off", "all off")]
    for key, values in LEVELS.items():
        lines += [line(f"{key} = {v}", f"`{key}` = {v}") for v in values if f"{key} = {v}" in rows]
    lines.append(line("best setting of the study", "best setting of the study"))
    return "\n".join(lines) + "\n"


def write(path, text):
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".tmp", path)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--program", default="build/release/app/murmur", help="the murmur program")
    parser.add_argument("--data", default="", help="folder with MNIST's files")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--json", default="effects.json", help="file to add the results to")
    parser.add_argument("--markdown", default="", help="write the table between two markers of this file")
    options = parser.parse_args()

    report = {"results": {}}
    if os.path.exists(options.json):
        with open(options.json, encoding="utf-8") as file:
            report = json.load(file)
    report.update(fashion.provenance(), epochs=options.epochs, seeds=list(range(1, options.seeds + 1)))
    for name, _, setting, micro_batch in settings():
        if name not in report["results"]:
            accuracies = train(options, setting, micro_batch)
            report["results"][name] = {"setting": setting, "micro_batch": micro_batch, "test_accuracy": accuracies}
            write(options.json, json.dumps(report, indent=1) + "\n")
            mean, sd = mean_sd(accuracies)
            print(f"{name:40} {mean:.4f} ± {sd:.4f}", flush=True)
    if options.markdown:
        with open(options.markdown, encoding="utf-8") as file:
            text = file.read()
        begin, end = "<!-- table -->\n", "<!-- end of table -->\n"
        head, rest = text.split(begin)
        write(options.markdown, head + begin + "\n" + markdown(report) + "\n" + end + rest.split(end)[1])
    return 0


if __name__ == "__main__":
    sys.exit(budget.exit_status(main))
