#!/usr/bin/env python3
"""Training throughput of a model in PyTorch, noise off and on, as one JSON object on standard output.

The same work as bench_throughput: random uint8 images that stay on the device, batch 128, SGD; "on" is the same noise in
all five places, each network's own. The model is a named one (fc, lenet5, vgg3, resnet8) or murmur's words for layers.
Modes, each timed `--repeats` times after a warm-up; what compiles or captures does so before (setup_seconds):

  eager        one network; on the CPU with each number of threads of --threads, of which the best is marked
  processes    one network a process; images/s of all together. CPU: a process a core with one thread each; CUDA: --processes,
               each with a captured step
  cuda_graph   CUDA: one network, the whole step captured and replayed
  compiled     PyTorch 2: one network, forward and update compiled (max-autotune), channels last, captured; each of --precisions
  vmap         PyTorch 2: --ensembles networks at once through torch.func; vmap_graph: the same, captured (CUDA)
  pack         --ensembles networks as one of packed operations (pack.py): flat parameters, baddbmm, grouped convolutions;
               PyTorch 2: compiled, captured, in each of --precisions

Works with PyTorch 1.13 (CPU) and 2.x; a mode that cannot run is skipped, and the report says why. Debian's PyTorch takes
whatever BLAS is installed: without libopenblas0-pthread that is the reference one, ten times slower;
large_gemm_flops_per_second tells.
"""

import argparse
import gc
import json
import multiprocessing
import os
import statistics
import sys
import time
from queue import Empty

try:
    import torch
except ImportError:
    sys.exit("pytorch_throughput.py: expected PyTorch (Debian: python3-torch), found none of this Python's")

import fashion
import specification
from trainers import BATCH, PRECISIONS, CudaGraph, Eager, PackTrainer, Vmap, has_compiler

MODES = "eager,processes,cuda_graph,compiled,vmap,vmap_graph,pack"


class Data:
    def __init__(self, options, device, arrays=None):
        height, width, channels = options.image
        images, labels = arrays or fashion.random_dataset(options.images, height * width * channels)
        self.options = options
        self.images = torch.from_numpy(images).reshape(-1, channels, height, width).to(device)
        self.labels = torch.from_numpy(labels).to(device).long()
        self.device = device
        self.num_batches = len(images) // BATCH

    def order(self):
        return torch.randperm(len(self.images), device=self.device)


def synchronize(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def time_epochs(trainer, epochs, device):
    synchronize(device)
    start = time.perf_counter()
    for _ in range(epochs):
        trainer.epoch()
    synchronize(device)
    return time.perf_counter() - start


def summary(rates):
    return {"median": statistics.median(rates), "min": min(rates), "max": max(rates)}


def line_of(mode, networks, noise, threads, precision, measured):
    setup, rates = measured
    return {
        "mode": mode,
        "networks": networks,
        "noise": "on" if noise else "off",
        "threads": threads,
        "precision": precision,
        "setup_seconds": setup,
        "images_per_second": summary(rates),
    }


def measure(options, make, noises, wait=lambda: None):
    """Noise off and on in turns: (seconds to make it, [images/s of each repeat]) of each noise."""
    trainers, setups = [], []
    for noise in noises:
        begin = time.perf_counter()
        trainers.append(make(noise))
        synchronize(trainers[-1].data.device)
        setups.append(time.perf_counter() - begin)
        trainers[-1].epoch()
    rates = [[] for _ in trainers]
    for _ in range(options.repeats):
        for trainer, values in zip(trainers, rates):
            wait()
            seconds = time_epochs(trainer, options.epochs, trainer.data.device)
            values.append(options.epochs * trainer.data.num_batches * BATCH * trainer.networks / seconds)
    return list(zip(setups, rates))


def measure_process(options, threads, noises, barrier, queue):
    torch.set_num_threads(threads)
    device = torch.device(options.device)
    data = Data(options, device)
    precision = "tf32" if options.tf32 else "fp32"

    def make(noise):
        return Eager(data, noise) if device.type == "cpu" else CudaGraph(data, noise, precision=precision)

    queue.put(measure(options, make, noises, barrier.wait))


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
    # parts: of each process, (setup, rates) of each noise
    together = []
    for measured in zip(*parts):
        rates = [sum(values) for values in zip(*(rates for _, rates in measured))]
        together.append((max(setup for setup, _ in measured), rates))
    return together


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
        groups.setdefault((line["mode"], line["networks"], line["precision"], line["noise"]), []).append(line)
    for lines in groups.values():
        best = max(lines, key=lambda line: line["images_per_second"]["median"])
        for line in lines:
            line["best"] = line is best


def default_threads():
    """1, 2, 4, ... and all cores."""
    cores = fashion.num_cores()
    return sorted({2**i for i in range(cores.bit_length()) if 2**i <= cores} | {cores})


class Measurements:
    """Runs the modes one after the other; one that fails is skipped, with its reason. What is known is written after each."""

    def __init__(self, options, report):
        self.report = report
        report["results"], report["skipped"] = [], []
        self.begin = time.monotonic()
        self.options = options
        self.device = torch.device(options.device)
        self.noises = {"off": [False], "on": [True], "both": [False, True]}[options.noise]
        self.results, self.skipped = report["results"], report["skipped"]

    def add(self, mode, networks, measured, threads=None, precision="fp32"):
        """measured: a function that gives (setup, rates) of each noise."""
        if mode not in self.options.modes:
            return
        if self.options.minutes > 0 and time.monotonic() - self.begin > 60 * self.options.minutes:
            self.skip(mode, f"P={networks}, {precision}: no time left")
            return
        try:
            values = measured()
        except (RuntimeError, TypeError, NotImplementedError) as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            self.skip(mode, f"P={networks}, {precision}: {first}")
            return
        for noise, value in zip(self.noises, values):
            self.results.append(line_of(mode, networks, noise, threads, precision, value))
        mark_best(self.results)
        fashion.write_json(self.options.json, self.report)
        if has_compiler():
            torch._dynamo.reset()  # it gives up compiling what it has compiled for too many others
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def skip(self, mode, reason):
        if mode in self.options.modes:
            self.skipped.append(f"{mode}: {reason}")

    def make(self, kind, *arguments, **options):
        return lambda: measure(self.options, lambda noise: kind(self.data, noise, *arguments, **options), self.noises)

    def run(self):
        options, on_cpu = self.options, self.device.type == "cpu"
        precision = "tf32" if options.tf32 and not on_cpu else "fp32"
        for threads in options.threads if on_cpu else ():
            self.add("eager", 1, lambda t=threads: measure_processes(options, 1, t, self.noises), threads)
        count = fashion.num_cores() if on_cpu else options.processes
        processes = lambda: measure_processes(options, count, 1, self.noises)  # noqa: E731
        self.add("processes", count, processes, 1 if on_cpu else None, precision)
        self.data = Data(options, self.device)
        threads = torch.get_num_threads() if on_cpu else None
        precisions = ["fp32"] if on_cpu else options.precisions
        if not on_cpu:
            self.add("eager", 1, self.make(Eager), precision=precision)
            self.add("cuda_graph", 1, self.make(CudaGraph, precision=precision), precision=precision)
        for networks in options.ensembles:
            for name in precisions:
                pack = self.make(PackTrainer, networks, compile=has_compiler() and not on_cpu, precision=name)
                self.add("pack", networks, pack, threads, name)
        if not has_compiler():
            for mode in ("compiled", "vmap"):
                self.skip(mode, f"not available here: needs PyTorch >= 2, got {torch.__version__}")
        else:
            for name in precisions:
                self.add("compiled", 1, self.make(CudaGraph, compile=True, precision=name), threads, name)
            for networks in options.ensembles:
                self.add("vmap", networks, self.make(Vmap, networks), threads, precision)
                if not on_cpu:
                    self.add("vmap_graph", networks, self.make(Vmap, networks, capture=True), threads, precision)
        fashion.write_json(self.options.json, self.report)


def numbers(text):
    return [int(word) for word in text.split(",") if word]


def image_size(text):
    height, width, channels = (int(word) for word in text.split("x"))
    return height, width, channels


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--model", default="fc", help="a named model, or murmur's words for layers")
    parser.add_argument("--image", type=image_size, default=None, help="HxWxC (default: 32x32x3 for vgg3, else 28x28x1)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--modes", default=MODES, type=lambda text: text.split(","))
    parser.add_argument("--noise", default="both", choices=["off", "on", "both"])
    parser.add_argument("--images", type=int, default=fashion.TRAINING_IMAGES)
    parser.add_argument("--epochs", type=int, default=2, help="epochs of a timed run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=numbers, default=default_threads(), help="CPU: list of thread counts")
    parser.add_argument("--ensembles", type=numbers, default=[16, 64], help="networks of the ensembles")
    parser.add_argument("--processes", type=int, default=4, help="CUDA: processes that share the GPU")
    parser.add_argument("--precisions", default=list(PRECISIONS), type=lambda text: text.split(","), help="CUDA, compiled")
    parser.add_argument("--tf32", action="store_true", help="allow TF32 in what is not compiled")
    parser.add_argument("--minutes", type=float, default=0, help="begin no mode after so many minutes (0: no limit)")
    parser.add_argument("--json", default="", help="also write the results to this file")
    options = parser.parse_args()
    if options.image is None:
        options.image = specification.image_of(options.model)
    specification.parse(options.model)
    options.rate = 1
    if options.images < BATCH:
        parser.error(f"--images: expected at least one batch of {BATCH}, got {options.images}")
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error(f"--device {options.device}: expected a GPU that PyTorch {torch.__version__} can use, got none")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = options.tf32

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
    Measurements(options, report).run()
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
