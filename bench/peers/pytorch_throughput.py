#!/usr/bin/env python3
"""Training throughput of a model (fc, lenet5, vgg3, resnet8) in PyTorch, noise off and on, as one JSON object on standard output.

The same work as bench_throughput: random uint8 images that stay on the device, batch 128, SGD; "on" is the same noise in
all five places. Modes, each timed `--repeats` times after a warm-up:

  eager        one network; on the CPU with each number of threads of --threads, of which the best is marked
  processes    CPU: one process a core with one thread each, every one training a network; images/s of all together
  cuda_graph   CUDA: one network, the whole step captured and replayed
  vmap         PyTorch 2: --ensembles networks at once through torch.func

Works with PyTorch 1.13 (CPU) and 2.x. Debian's PyTorch takes whatever BLAS is installed: without libopenblas0-pthread
that is the reference one, ten times slower; large_gemm_flops_per_second tells.
"""

import argparse
import json
import math
import multiprocessing
import os
import statistics
import sys
import time
from queue import Empty

import torch
from torch import nn
from torch.nn import functional

import fashion
import models

BATCH = 128
LEARNING_RATE = 0.001
INPUT_NOISE = 0.2
LOSS_NOISE = 0.2
LABEL_SMOOTHING = 0.05
GRADIENT_NOISE = 1e-3  # variance at the first update; decays as (1 + t)^-0.55, as does the weights'
GRADIENT_DROPOUT = 0.1
WEIGHT_NOISE = 1e-6


def make_network(options, noise):
    network = models.build(options.model, *options.image, noise)
    for layer in models.weight_layers(network):
        nn.init.normal_(layer.weight, std=0.05)
        nn.init.zeros_(layer.bias)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.track_running_stats = False  # torch.func cannot write them, and they cost next to nothing
            layer.running_mean = layer.running_var = layer.num_batches_tracked = None
    return network


def pixels(images, noise):
    x = images.float().div_(255)
    return x.add_(torch.randn_like(x), alpha=INPUT_NOISE) if noise else x


def loss_of(logits, labels, noise):
    if not noise:
        return functional.cross_entropy(logits, labels)
    losses = functional.cross_entropy(logits, labels, label_smoothing=LABEL_SMOOTHING, reduction="none")
    return (losses * (1 + LOSS_NOISE * torch.randn_like(losses))).mean()


def keep_mask(x, probability):
    """0 or 1, whichever way is the faster one on this device (CPU: measured, a third less time than bernoulli_)."""
    if x.is_cuda:
        return torch.empty_like(x).bernoulli_(probability)
    return torch.rand_like(x) < probability


def perturb(weights, grads, decay):
    """Gradient dropout, gradient noise, weight noise. decay: (1 + t)^-0.275, a number or a tensor of one element."""
    for weight, grad in zip(weights, grads):
        grad.mul_(keep_mask(grad, 1 - GRADIENT_DROPOUT))
        grad.add_(torch.randn_like(grad).mul_(math.sqrt(GRADIENT_NOISE) * decay))
        weight.add_(torch.randn_like(weight).mul_(math.sqrt(WEIGHT_NOISE) * decay))


class Data:
    def __init__(self, options, device):
        num_images = options.images
        height, width, channels = options.image
        images, labels = fashion.random_dataset(num_images, height * width * channels)
        self.options = options
        self.images = torch.from_numpy(images).reshape(-1, channels, height, width).to(device)
        self.labels = torch.from_numpy(labels).to(device).long()
        self.device = device
        self.num_batches = num_images // BATCH

    def order(self):
        return torch.randperm(len(self.images), device=self.device)


def synchronize(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Eager:
    """One network, one operation after the other."""

    networks = 1

    def __init__(self, data, noise):
        self.data, self.noise, self.updates = data, noise, 0
        self.network = make_network(data.options, noise).to(data.device)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=LEARNING_RATE)

    def epoch(self):
        data = self.data
        order = data.order() if self.noise else None
        for i in range(data.num_batches):
            rows = slice(i * BATCH, (i + 1) * BATCH)
            rows = order[rows] if self.noise else rows
            x = pixels(data.images[rows], self.noise)
            loss = loss_of(self.network(x), data.labels[rows], self.noise)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if self.noise:
                weights = list(self.network.parameters())
                with torch.no_grad():
                    perturb(weights, [w.grad for w in weights], (1 + self.updates) ** -0.275)
            self.optimizer.step()
            self.updates += 1


class CudaGraph:
    """One network; the whole step, its place in the epoch included, is captured once and replayed."""

    networks = 1

    def __init__(self, data, noise):
        self.data, self.noise = data, noise
        device = data.device
        self.network = make_network(data.options, noise).to(device)
        self.weights = list(self.network.parameters())
        self.order = torch.arange(len(data.images), device=device)
        self.rows = torch.arange(BATCH, device=device)
        self.updates = torch.zeros(1, device=device)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.rewind()
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.step()

    def step(self):
        data = self.data
        rows = self.order[self.rows]
        loss = loss_of(self.network(pixels(data.images[rows], self.noise)), data.labels[rows], self.noise)
        grads = torch.autograd.grad(loss, self.weights)
        with torch.no_grad():
            if self.noise:
                perturb(self.weights, grads, (1 + self.updates) ** -0.275)
            for weight, grad in zip(self.weights, grads):
                weight.sub_(grad, alpha=LEARNING_RATE)
            self.updates.add_(1)
            self.rows.add_(BATCH)

    def rewind(self):
        self.rows.copy_(torch.arange(BATCH, device=self.data.device))

    def epoch(self):
        self.rewind()
        if self.noise:
            self.order.copy_(self.data.order())
        for _ in range(self.data.num_batches):
            self.graph.replay()


class Vmap:
    """An ensemble of networks, each with its own noise and (noise on) its own order of the images."""

    def __init__(self, data, noise, networks):
        self.data, self.noise, self.networks, self.updates = data, noise, networks, 0
        members = [make_network(data.options, noise).to(data.device) for _ in range(networks)]
        self.weights, _ = torch.func.stack_module_state(members)
        self.weights = {name: weight.detach() for name, weight in self.weights.items()}
        template = members[0].to("meta")

        def loss(weights, x, labels):
            return loss_of(torch.func.functional_call(template, weights, (x,)), labels, noise)

        rows = 0 if noise else None
        self.grad = torch.func.vmap(torch.func.grad(loss), in_dims=(0, rows, rows), randomness="different")

    def epoch(self):
        data = self.data
        orders = torch.stack([data.order() for _ in range(self.networks)]) if self.noise else None
        for i in range(data.num_batches):
            rows = slice(i * BATCH, (i + 1) * BATCH)
            rows = orders[:, rows] if self.noise else rows
            with torch.no_grad():
                x = pixels(data.images[rows], self.noise)
            grads = self.grad(self.weights, x, data.labels[rows])
            with torch.no_grad():
                if self.noise:
                    weights = list(self.weights.values())
                    perturb(weights, [grads[name] for name in self.weights], (1 + self.updates) ** -0.275)
                for name, weight in self.weights.items():
                    weight.sub_(grads[name], alpha=LEARNING_RATE)
            self.updates += 1


def time_epochs(trainer, epochs, device):
    synchronize(device)
    start = time.perf_counter()
    for _ in range(epochs):
        trainer.epoch()
    synchronize(device)
    return time.perf_counter() - start


def summary(rates):
    return {"median": statistics.median(rates), "min": min(rates), "max": max(rates)}


def line_of(mode, networks, noise, threads, rates):
    return {
        "mode": mode,
        "networks": networks,
        "noise": "on" if noise else "off",
        "threads": threads,
        "images_per_second": summary(rates),
    }


def measure(options, make, noises, wait=lambda: None):
    """Noise off and on in turns: [images/s of each repeat] of each noise."""
    trainers = [make(noise) for noise in noises]
    for trainer in trainers:
        trainer.epoch()
    rates = [[] for _ in trainers]
    for _ in range(options.repeats):
        for trainer, values in zip(trainers, rates):
            wait()
            seconds = time_epochs(trainer, options.epochs, trainer.data.device)
            values.append(options.epochs * trainer.data.num_batches * BATCH * trainer.networks / seconds)
    return rates


def measure_process(options, threads, noises, barrier, queue):
    torch.set_num_threads(threads)
    data = Data(options, torch.device("cpu"))
    queue.put(measure(options, lambda noise: Eager(data, noise), noises, barrier.wait))


def measure_processes(options, count, threads, noises):
    """Fresh processes that train at the same time, a network each: the sum of their images/s. Fresh, because a BLAS
    takes its number of threads from the environment when it is loaded."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(count), context.Queue()
    arguments = (options, threads, noises, barrier, queue)
    processes = [context.Process(target=measure_process, args=arguments, daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    parts = []
    while len(parts) < count:
        try:
            parts.append(queue.get(timeout=1))
        except Empty:
            if any(process.exitcode for process in processes):
                raise RuntimeError("expected all processes to finish, got one that failed (see above)") from None
    for process in processes:
        process.join()
    return [[sum(values) for values in zip(*rates)] for rates in zip(*parts)]


def large_gemm_flops_per_second(device):
    """What the library's matrix product gives at its best: tells a slow BLAS (Debian's reference) from a real one."""
    n = 8192 if device.type == "cuda" else 1024
    a, b = torch.randn(n, n, device=device), torch.randn(n, n, device=device)
    seconds = []
    for _ in range(4):
        synchronize(device)
        start = time.perf_counter()
        torch.mm(a, b)
        synchronize(device)
        seconds.append(time.perf_counter() - start)
    return 2 * n**3 / min(seconds)


def mark_best(results):
    """Of each mode, population and noise, the line with the best number of threads."""
    groups = {}
    for line in results:
        groups.setdefault((line["mode"], line["networks"], line["noise"]), []).append(line)
    for lines in groups.values():
        best = max(lines, key=lambda line: line["images_per_second"]["median"])
        for line in lines:
            line["best"] = line is best


def default_threads():
    """1, 2, 4, ... and all cores."""
    cores = fashion.num_cores()
    return sorted({2**i for i in range(cores.bit_length()) if 2**i <= cores} | {cores})


def measure_all(options):
    device = torch.device(options.device)
    on_cpu = device.type == "cpu"
    noises = {"off": [False], "on": [True], "both": [False, True]}[options.noise]
    results, skipped = [], []

    def add(mode, networks, threads, rates):
        results.extend(line_of(mode, networks, noise, threads, values) for noise, values in zip(noises, rates))

    if "eager" in options.modes and on_cpu:
        for threads in options.threads:
            add("eager", 1, threads, measure_processes(options, 1, threads, noises))
    if "processes" in options.modes and on_cpu:
        cores = fashion.num_cores()
        add("processes", cores, 1, measure_processes(options, cores, 1, noises))
    data = Data(options, device)
    if "eager" in options.modes and not on_cpu:
        add("eager", 1, None, measure(options, lambda noise: Eager(data, noise), noises))
    if "cuda_graph" in options.modes and not on_cpu:
        add("cuda_graph", 1, None, measure(options, lambda noise: CudaGraph(data, noise), noises))
    if "vmap" in options.modes and not hasattr(torch, "func"):
        skipped.append(f"vmap: PyTorch {torch.__version__} has no torch.func")
    elif "vmap" in options.modes:
        for networks in options.ensembles:
            rates = measure(options, lambda noise, p=networks: Vmap(data, noise, p), noises)
            add("vmap", networks, torch.get_num_threads() if on_cpu else None, rates)
    mark_best(results)
    return results, skipped


def numbers(text):
    return [int(word) for word in text.split(",") if word]


def image_size(text):
    height, width, channels = (int(word) for word in text.split("x"))
    return height, width, channels


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--model", default="fc", choices=models.MODELS)
    parser.add_argument("--image", type=image_size, default=None, help="HxWxC (default: 32x32x3 for vgg3, else 28x28x1)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--modes", default="eager,processes,cuda_graph,vmap", type=lambda text: text.split(","))
    parser.add_argument("--noise", default="both", choices=["off", "on", "both"])
    parser.add_argument("--images", type=int, default=fashion.TRAINING_IMAGES)
    parser.add_argument("--epochs", type=int, default=2, help="epochs of a timed run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=numbers, default=default_threads(), help="CPU: list of thread counts")
    parser.add_argument("--ensembles", type=numbers, default=[16, 64], help="networks of the vmap ensembles")
    parser.add_argument("--tf32", action="store_true", help="allow TF32 in matrix products")
    parser.add_argument("--json", default="", help="also write the results to this file")
    options = parser.parse_args()
    if options.image is None:
        options.image = (32, 32, 3) if options.model == "vgg3" else (28, 28, 1)
    if options.images < BATCH:
        parser.error(f"--images: expected at least one batch of {BATCH}, got {options.images}")
    torch.backends.cuda.matmul.allow_tf32 = options.tf32

    report = fashion.provenance()
    on_gpu = options.device.startswith("cuda")
    report.update(
        benchmark="pytorch_throughput",
        model=options.model,
        image="x".join(map(str, options.image)),
        framework=f"PyTorch {torch.__version__}",
        blas=fashion.blas_libraries(),
        parallel_info=torch.__config__.parallel_info(),
        device=options.device,
        description=torch.cuda.get_device_name(options.device) if on_gpu else report["host"],
        images=options.images // BATCH * BATCH,
        epochs=options.epochs,
        repeats=options.repeats,
        tf32=options.tf32,
        large_gemm_flops_per_second=large_gemm_flops_per_second(torch.device(options.device)),
    )
    report["results"], report["skipped"] = measure_all(options)
    text = json.dumps(report, indent=2)
    print(text)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
