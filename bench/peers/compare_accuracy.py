#!/usr/bin/env python3
"""Trains a model with all noise off in murmur and in PyTorch and compares the accuracies.

Same settings on both sides: weights N(0, 0.05^2), zero biases, batch 128 in the file's order, the first 80 % of the
images, mean loss; SGD, momentum 0.9, Adam; batch norm with Keras's momentum (0.99) and epsilon (1e-3). The seeds' random numbers differ, so accuracies are compared as means over seeds:
an optimizer passes where the difference of the means is at most two standard errors of that difference, on the
validation and on the test set. Two equal programs fail such a comparison about once in fifteen: before believing a
failure, repeat it with more and with other seeds. With --same-weights each PyTorch network starts from the weights of
the murmur network of its seed, and the pairs are compared: several times sharper, above all after few epochs.

    compare_accuracy.py --program build/release/app/murmur --seeds 5 --epochs 10
    compare_accuracy.py --program build/release/app/murmur --seeds 20 --epochs 1 --same-weights
    compare_accuracy.py --model vgg3 --train-images 4000 --epochs 3 --optimizers adam --same-weights
"""

import argparse
import json
import math
import os
import sys
import tempfile

try:
    import numpy as np
    import torch
    from torch import nn
except ImportError:
    sys.exit("compare_accuracy.py: expected NumPy and PyTorch (Debian: python3-torch), found none of this Python's")

import budget
import fashion
import models
import murmur_random

INIT_SCALE = 0.05
LEARNING_RATES = {"sgd": 0.1, "momentum": 0.01, "adam": 0.001}
SETS = ("validation", "test")


def learning_rate(name, options):
    return options.learning_rate or LEARNING_RATES[name]


def make_optimizer(name, parameters, rate):
    if name == "adam":
        return torch.optim.Adam(parameters, lr=rate, eps=1e-7)
    return torch.optim.SGD(parameters, lr=rate, momentum=0.9 if name == "momentum" else 0)


def make_network(model, seed, same_weights):
    """murmur's initial weights of this seed, or PyTorch's own draws from the same distribution."""
    torch.manual_seed(seed)
    network = models.build(model)
    for i, layer in enumerate(models.weight_layers(network)):
        nn.init.zeros_(layer.bias)
        nn.init.normal_(layer.weight, std=INIT_SCALE)
        if same_weights:
            out = layer.weight.shape[0]
            kernel = murmur_random.initial_kernel(i, seed, out, layer.weight[0].numel(), INIT_SCALE)
            kernel = torch.from_numpy(kernel)
            if layer.weight.dim() == 4:  # murmur's filters have their channels last
                _, channels, height, width = layer.weight.shape
                kernel = kernel.reshape(out, height, width, channels).permute(0, 3, 1, 2)
            layer.weight.data.copy_(kernel)
    return network


def accuracy(network, images, labels):
    network.eval()
    with torch.no_grad():
        hits = [(network(x).argmax(1) == y).sum() for x, y in zip(images.split(1000), labels.split(1000))]
    return float(sum(hits)) / len(labels)


def train_pytorch(data, optimizer_name, seeds, options):
    """Accuracies of one network a seed: {"validation": [...], "test": [...]}."""
    result = {name: [] for name in SETS}
    images, labels = data["training"]
    for seed in seeds:
        network = make_network(options.model, seed, options.same_weights)
        optimizer = make_optimizer(optimizer_name, network.parameters(), learning_rate(optimizer_name, options))
        for epoch in range(options.epochs):
            for first in range(0, len(images), options.batch):
                label = f"{optimizer_name}, PyTorch, seed {seed} of {seeds[-1]}, epoch {epoch + 1}/{options.epochs}"
                options.budget.check(label)
                options.budget.show(f"{label}, {100 * first // len(images)} %")
                rows = slice(first, first + options.batch)
                loss = nn.functional.cross_entropy(network(images[rows]), labels[rows])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
        for name in SETS:
            result[name].append(accuracy(network, *data[name]))
    options.budget.show(f"{optimizer_name}, PyTorch: done", final=True)
    return result


def train_murmur(options, optimizer_name, seeds):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "result.json")
        command = [options.program, "train", "--model", options.model, "--dataset", options.dataset]
        command += ["--data", options.data, "--train-images", str(options.train_images)]
        command += ["--networks", str(len(seeds)), "--seed", str(seeds[0]), "--epochs", str(options.epochs)]
        command += ["--device", options.device, "--micro-batch", str(options.batch), "--quiet", "--json", path]
        command += ["--set", f"batch_size={options.batch}", "--set", f"optimizer={optimizer_name}"]
        command += ["--set", f"learning_rate={learning_rate(optimizer_name, options)}", "--set", f"init_scale={INIT_SCALE}"]
        options.budget.run(command, f"{optimizer_name}, murmur, {len(seeds)} networks")
        with open(path, encoding="utf-8") as file:
            networks = json.load(file)["networks"]
    return {name: [network[f"{name}_accuracy"] for network in networks] for name in SETS}


def load_data(directory, num_images):
    (train_images, train_labels), (test_images, test_labels) = fashion.read_dataset(directory)
    if num_images > 0:
        train_images, train_labels = train_images[:num_images], train_labels[:num_images]
    count = len(train_images) * 4 // 5

    def tensors(images, labels):
        images = torch.from_numpy(images.copy()).float().div_(255).reshape(-1, 1, 28, 28)
        return images, torch.from_numpy(labels.copy()).long()

    return {
        "training": tensors(train_images[:count], train_labels[:count]),
        "validation": tensors(train_images[count:], train_labels[count:]),
        "test": tensors(test_images, test_labels),
    }


def compare(ours, theirs, paired):
    """Means, standard deviations, the difference of the means and its standard error."""
    a, b = np.array(ours), np.array(theirs)
    variance = (a - b).var(ddof=1) if paired else a.var(ddof=1) + b.var(ddof=1)
    error = math.sqrt(variance / len(a))
    difference = a.mean() - b.mean()
    return {
        "murmur": {"mean": a.mean(), "sd": a.std(ddof=1), "values": list(ours)},
        "pytorch": {"mean": b.mean(), "sd": b.std(ddof=1), "values": list(theirs)},
        "difference": difference,
        "standard_error": error,
        "pass": bool(abs(difference) <= 2 * error),
    }


def percent(part):
    return f"{100 * part['mean']:6.2f} ± {100 * part['sd']:4.2f}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--program", default="build/release/app/murmur", help="the murmur program")
    parser.add_argument("--model", default="fc", choices=models.MODELS)
    parser.add_argument("--train-images", type=int, default=0, help="use only the first images (0: all)")
    parser.add_argument("--dataset", default="fashion-mnist", help="the data set's name")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist", help="folder with its files")
    parser.add_argument("--device", default="cpu", help="murmur's device (PyTorch runs on the CPU)")
    parser.add_argument("--optimizers", nargs="+", default=list(LEARNING_RATES), choices=list(LEARNING_RATES))
    parser.add_argument("--learning-rate", type=float, default=0, help="of all optimizers (0: each its own)")
    parser.add_argument("--seeds", type=int, default=5, help="networks trained on each side, 2 or more")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--same-weights", action="store_true", help="PyTorch starts from murmur's initial weights")
    parser.add_argument("--threads", type=int, default=0, help="PyTorch's threads (0: its default)")
    budget.add_option(parser)
    parser.add_argument("--json", default="", help="write the results to this file")
    options = parser.parse_args()
    options.budget = budget.Budget(options.minutes)
    if options.seeds < 2:
        parser.error("--seeds: expected at least 2, or there is no standard error")
    if options.threads > 0:
        torch.set_num_threads(options.threads)

    data = load_data(options.data, options.train_images)
    seeds = list(range(options.first_seed, options.first_seed + options.seeds))
    report = fashion.provenance()
    report.update(model=options.model, pytorch=torch.__version__, epochs=options.epochs, batch=options.batch, seeds=seeds, same_weights=options.same_weights)
    report.update(blas=fashion.blas_libraries(), threads=torch.get_num_threads())
    report["results"] = {}
    blas = ", ".join(report["blas"]) or "built in"
    print(f"PyTorch {torch.__version__}, {report['threads']} threads, BLAS: {blas}")
    print(f"{options.model} on {options.dataset}, {options.epochs} epochs, {options.seeds} seeds; accuracy in %, mean ± sd")
    print(f"{'':10}{'':12}{'murmur':>14}  {'PyTorch':>14}  {'difference':>10}  {'its SE':>6}  within 2 SE")
    for name in options.optimizers:
        try:
            ours = train_murmur(options, name, seeds)
            theirs = train_pytorch(data, name, seeds, options)
        except budget.OutOfTime as error:
            print(f"\n{error}; done: {', '.join(report['results']) or 'none'}", file=sys.stderr)
            break
        report["results"][name] = {part: compare(ours[part], theirs[part], options.same_weights) for part in SETS}
        for part in SETS:
            row = report["results"][name][part]
            print(
                f"{name:10}{part:12}{percent(row['murmur']):>14}  {percent(row['pytorch']):>14}  "
                f"{100 * row['difference']:+10.3f}  {100 * row['standard_error']:6.3f}  "
                f"{'PASS' if row['pass'] else 'FAIL'}",
                flush=True,
            )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
            file.write("\n")
    passed = all(row["pass"] for parts in report["results"].values() for row in parts.values())
    is_whole = len(report["results"]) == len(options.optimizers)
    print("PASS" if passed and is_whole else "FAIL" if not passed else "not all optimizers in time")
    return 0 if passed and is_whole else 1


if __name__ == "__main__":
    sys.exit(budget.exit_status(main))
