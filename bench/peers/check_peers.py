#!/usr/bin/env python3
"""Checks that every way of training in PyTorch here learns what plain eager learns, on a small problem of the CPU.

A pack is compared with eager networks exactly: the same initial weights, no noise, the same batches; weights afterwards agree. All
ways are compared in what they learn, with noise and without: accuracies of some networks each.
"""

import argparse
import statistics
import sys

try:
    import numpy as np
    import torch
except ImportError as missing:
    print(f"check_peers: {missing}; nothing checked")
    sys.exit(77)

import fashion
import pack
import pytorch_throughput
import trainers

SEEDS = 4  # networks of each way
EPOCHS = 8
# Two means of so many accuracies each differ by chance: four standard errors of the difference, and a hundredth beside.
ALLOWED_ERRORS = 4
ALLOWED = 0.01
EXACT = 2e-5  # of weights of 0.05 and steps of 0.02 in float


def learnable(num_images, sample_size, seed=1):
    """Bright pixels in one of ten blocks over noise: what a small network learns in a few epochs, not perfectly."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, num_images, dtype=np.uint8)
    images = random.integers(1, 160, (num_images, sample_size), dtype=np.uint8)
    width = sample_size // 10
    for image, label in zip(images, labels):
        image[label * width : (label + 1) * width : 2] += 90
    return images, labels


def options_of(model, image, rate):
    return argparse.Namespace(model=model, image=image, rate=rate, images=0)


def check_exact(model, image, data):
    """The pack's weights after an epoch beside those of eager networks that began with the same."""
    torch.manual_seed(1)
    eagers = [trainers.Eager(data, False) for _ in range(3)]
    packed = trainers.PackTrainer(data, False, 3)
    start = packed.pack.flat([eager.network for eager in eagers])
    with torch.no_grad():
        packed.flat.copy_(start)
    for trainer in (*eagers, packed):
        trainer.epoch()
    expected = pack.Pack(model, image, 3, False).flat([eager.network for eager in eagers])
    error = (packed.flat.detach() - expected).abs().max().item()
    moved = (expected - start).abs().max().item()
    print(f"{model}: weights of pack and eager agree within {error:.1e} (allowed {EXACT:.0e}); they moved by {moved:.1e}")
    return error <= EXACT and moved > 100 * EXACT


def learnt(make, networks):
    accuracies = []
    for seed in range(SEEDS // networks):
        torch.manual_seed(seed)
        trainer = make()
        for _ in range(EPOCHS):
            trainer.epoch()
        accuracies += trainer.accuracies()
    return accuracies


def ways(data):
    result = {"captured": (lambda noise: trainers.CudaGraph(data, noise), 1)}
    result["pack"] = (lambda noise: trainers.PackTrainer(data, noise, SEEDS), SEEDS)
    if trainers.has_compiler():
        result["compiled"] = (lambda noise: trainers.CudaGraph(data, noise, compile=True), 1)
        result["vmap"] = (lambda noise: trainers.Vmap(data, noise, SEEDS), SEEDS)
    else:
        print(f"compiled, vmap: not available here: needs PyTorch >= 2, got {torch.__version__}")
    return result


def check_learning(model, data, noises):
    ok = True
    for noise in noises:
        plain = learnt(lambda n=noise: trainers.Eager(data, n), 1)
        for name, (make, networks) in ways(data).items():
            got = learnt(lambda n=noise: make(n), networks)
            difference = statistics.mean(got) - statistics.mean(plain)
            error = ((statistics.variance(got) + statistics.variance(plain)) / SEEDS) ** 0.5
            allowed = ALLOWED_ERRORS * error + ALLOWED
            good = abs(difference) <= allowed and statistics.mean(plain) > 0.3
            ok = ok and good
            print(
                f"{model}, noise {'on' if noise else 'off'}: eager {statistics.mean(plain):.3f}, {name} "
                f"{statistics.mean(got):.3f}, difference {difference:+.3f} (allowed {allowed:.3f}): {'ok' if good else 'WRONG'}"
            )
    return ok


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="what is learnt with noise only")
    options = parser.parse_args()
    torch.set_num_threads(min(2, fashion.num_cores()))
    ok = True
    image = (12, 10, 1)
    for model in (
        "fc",
        "conv4 norm pool conv6n dropout residual8s2 layernorm depthwise3 avgpool flatten linear12 layernorm dropout linear",
    ):
        data = pytorch_throughput.Data(options_of(model, image, 20), torch.device("cpu"), learnable(640, 120))
        ok = check_exact(model, image, data) and ok
    model = "flatten linear32 dropout linear"
    data = pytorch_throughput.Data(options_of(model, image, 300), torch.device("cpu"), learnable(1280, 120))
    ok = check_learning(model, data, (True,) if options.quick else (False, True)) and ok
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
