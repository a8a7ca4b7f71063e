"""The steps of bench/gpu.sh, in order of value: what a first run on a GPU should answer, the most important first."""

import dataclasses
import functools
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PEERS = os.path.join(ROOT, "bench", "peers")
MODELS = ("fc", "lenet5", "vgg3")
# What makes the libraries say why a capture failed, and keeps the loading of modules out of it.
DIAGNOSIS = ["CUDA_MODULE_LOADING=EAGER", "CUBLASLT_LOG_LEVEL=4", "CUDNN_LOGLEVEL_DBG=2", "CUDNN_LOGDEST_DBG=stderr"]
NO_TIME = "no time for it"
HAS_TORCH = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"


@dataclasses.dataclass
class Step:
    name: str
    command: list  # on a GPU
    seconds: float  # that it should take; the plan adds them up
    limit: float  # at which it is ended
    parse: str = ""  # a function of figures.py
    exit_code: int = 0  # that it should give
    cpu: list = None  # the command without a GPU, or nothing to be run there
    json: bool = False  # it writes its figures to the file that stands for {json}
    tool: str = ""  # a program that must be there
    again: list = dataclasses.field(default_factory=list)  # the environment in which it runs once more where it failed


@functools.lru_cache(None)
def python_of_peers():
    """The first Python that has PyTorch; this one where none has."""
    for python in (sys.executable, "python3", "/usr/bin/python3"):
        path = shutil.which(python)
        if path and subprocess.run([path, "-c", HAS_TORCH], capture_output=True, check=False).returncode == 0:
            return path
    return sys.executable


@functools.lru_cache(None)
def tf32_words(*command):
    """--tf32 where a program has that option: where it has not, TF32 is what it does anyway."""
    try:
        result = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return ["--tf32"] if "--tf32" in result.stdout else []


def shared_cache(folder):
    """The environment in which the choices of convolutions are kept apart from the user's."""
    return ["env", f"XDG_CACHE_HOME={folder}/cache"]


def noise_options():
    return [
        word
        for setting in (
            "shuffle=on", "input_noise=0.2", "activation_noise=0.05", "dropout=0.1", "loss_noise=0.2",
            "label_smoothing=0.05", "gradient_noise=0.001", "gradient_dropout=0.1", "weight_noise=1e-6",
        )
        for word in ("--set", setting)
    ]  # fmt: skip


class Programs:
    """Where the programs lie: bin/ of a bundle, or the folders of a build."""

    def __init__(self, build):
        self.build = build

    def __getitem__(self, name):
        folder = "tests" if name.endswith("_tests") else "bench" if name.startswith("bench_") else "app"
        for path in (os.path.join(self.build, "bin", name), os.path.join(self.build, folder, name)):
            if os.path.exists(path):
                return path
        return path


def test_steps(programs):
    def tests(name, program, on_gpu, without, seconds, limit):
        cpu = [programs[program], f"--gtest_filter={without}"] if without else None
        return Step(name, [programs[program], f"--gtest_filter={on_gpu}"], seconds, limit, "gtest", cpu=cpu)

    return [
        tests("engine-tests", "engine_tests", "*cuda0*:*OnAGpu*", "CpuStream*:*GemmTest*cpu*", 20, 120),
        tests("kernel-tests", "kernels_tests", "*cuda0*", "*ActivationTest*cpu*", 40, 120),
        tests("layer-tests", "layers_tests", "*cuda0*:-*EveryTechnique*", "*TicksTest*cpu*", 40, 120),
    ]


def train_steps(programs, output):
    """Each network with and without a graph: the first real epochs, and the file of choices that they leave."""
    steps = []
    for model in MODELS:
        for suffix, options in (("", []), ("-no-graph", ["--no-graph"])):
            common = ["--model", model, "--epochs", "1", "--networks", "2", "--quiet", "--json", "{json}", *options]
            train = [*shared_cache(output), programs["murmur"], "train", "--device", "cuda", *common]
            small = [programs["murmur"], "train", "--device", "cpu", "--train-images", "1280", *common]
            cpu = small if model != "vgg3" and not suffix else None
            train += ["--train-images", "12800"]
            step = Step(f"train-{model}{suffix}", train, 8, 120, "train", cpu=cpu, json=True, again=DIAGNOSIS)
            steps.append(step)
    choices = os.path.join(output, "cache", "murmur", "convolutions")
    steps.append(Step("convolution-choices", ["cat", choices], 1, 10, "choices"))
    return steps


def sanitizer_steps(programs):
    """Small cases: a sanitizer slows a kernel down a hundred times. The trainer's tests go through every kernel."""

    def sanitizer(tool, program, gtest_filter, seconds, limit):
        name = f"{tool}-{program.split('_', maxsplit=1)[0]}"
        command = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "9"]
        command += [programs[program], f"--gtest_filter={gtest_filter}"]
        return Step(name, command, seconds, limit, "sanitizer", tool="compute-sanitizer")

    trainer = "*TrainerTest*cuda0*:*ConvolutionNetworkTest*cuda0*"
    return [
        sanitizer("memcheck", "layers_tests", trainer, 50, 240),
        sanitizer("racecheck", "kernels_tests", "*cuda0*", 60, 240),
        sanitizer("initcheck", "layers_tests", trainer, 50, 240),
        sanitizer("synccheck", "kernels_tests", "*cuda0*", 40, 180),
        sanitizer("memcheck", "kernels_tests", "*cuda0*", 60, 240),
    ]


def throughput_step(programs, model, networks, repeats, seconds, suffix="", environment=()):
    def command(device, networks, *more):
        environment_words = ["env", *environment] if environment else []
        return [*environment_words, programs["bench_throughput"], "--device", device, "--model", model, "--networks", networks,
                "--optimizer", "adam", "--json", "{json}", *more]  # fmt: skip

    cpu = command("cpu", "1,2", "--images", "1280", "--epochs", "1", "--repeats", "1")
    cpu = cpu if model == "fc" and not suffix else None
    # The networks with convolutions take a fourth of the images: their ticks are long enough to be timed.
    options = ["--epochs", "1", "--repeats", str(repeats), *(["--images", "12800"] if model != "fc" else [])]
    options += tf32_words(programs["bench_throughput"])  # as trainings run, and as it is predicted
    limit = 3 * seconds + 60
    name = f"throughput-{model}{suffix}"
    return Step(name, command("cuda", networks, *options), seconds, limit, "throughput", cpu=cpu, json=True)


def peer_step(programs, name, model, networks, seconds, *options):
    """Compiling takes most of it: a way that is not begun in time is left out by the peers themselves."""

    def command(device, networks, *more):
        return [python_of_peers(), os.path.join(PEERS, "compare_throughput.py"),
                "--program", programs["bench_throughput"], "--model", model, "--device", device,
                "--networks", networks, "--ensembles", networks, "--rounds", "1", "--epochs", "1", "--repeats", "2",
                "--ways", "--json", "{json}", *more]  # fmt: skip

    cpu = command("cpu", "2", "--images", "1280", "--repeats", "1", "--minutes", "2") if name == "fc" else None
    more = [*options, "--minutes", f"{2 * seconds / 60:.1f}", *tf32_words(programs["bench_throughput"])]
    limit = 2 * seconds + 60
    return Step(f"peers-{name}", command("cuda", networks, *more), seconds, limit, "peers", cpu=cpu, json=True)


def profile_step(programs, name, kernel, networks, model, seconds):
    command = [programs["murmur"], "profile", "ncu", "--kernel", kernel, "--ticks", "3:4", "--json", "{json}"]
    command += ["--output", "{stem}", "--device", "cuda", "--model", model, "--networks", str(networks), "--train-images", "1280"]
    command += noise_options()
    return Step(f"ncu-{name}", command, seconds, 3 * seconds + 60, "profile", json=True, tool="ncu")


def all_steps(build, output):
    programs = Programs(build)
    murmur = programs["murmur"]
    too_many = ["train", "--device", "cuda", "--model", "vgg3", "--networks", "1000000", "--epochs", "1", "--quiet"]
    tf32 = ["train", "--device", "cuda", "--model", "lenet5", *tf32_words(murmur, "train"), "--networks", "2", "--epochs", "1",
            "--train-images", "12800", "--quiet", "--json", "{json}"]  # fmt: skip
    waves = ["train", "--device", "cuda", "--model", "vgg3", "--networks", "64", "--wave", "16", "--deterministic", "--epochs", "1",
             "--train-images", "1280", "--quiet", "--json", "{json}"]  # fmt: skip
    bench_kernels = [programs["bench_kernels"], "--benchmark_out={json}", "--benchmark_out_format=json"]
    quick = "--benchmark_filter=/(copy|normals|[a-z_]+/(none|all))"
    convolution = [programs["bench_convolution"], "--networks", "1,64", "--json", "{json}"]
    every_way = ["--jax", "--precisions", "tf32,bf16"]
    return [
        Step("info", [murmur, "info"], 3, 60, "info", cpu=[murmur, "info"]),
        *test_steps(programs),
        *train_steps(programs, output),
        Step("convolutions-lenet5", [*convolution, "--device", "cuda", "--layer", "lenet5"], 15, 120, "convolution",
             cpu=[*convolution, "--device", "cpu", "--layer", "lenet5/1", "--micro-batch", "16"], json=True),
        Step("tf32", [*shared_cache(output), murmur, *tf32], 8, 60, "train", json=True),
        Step("waves", [*shared_cache(output), murmur, *waves], 10, 120, "train", json=True),
        sanitizer_steps(programs)[0],
        Step("out-of-memory", [murmur, *too_many], 10, 120, "one_line", exit_code=4),
        throughput_step(programs, "fc", "1,22,1024", 2, 40),
        throughput_step(programs, "fc", "1,22", 2, 15, "-overlapping", ["MURMUR_OVERLAP_LAUNCHES=1"]),
        Step("kernels", [*bench_kernels, "--device", "cuda", "--benchmark_min_time=0.05", quick], 40, 180, "kernels",
             cpu=[*bench_kernels, "--device", "cpu", "--benchmark_min_time=0.01", "--benchmark_filter=normals"], json=True),
        throughput_step(programs, "lenet5", "1,64,1024", 1, 60),
        throughput_step(programs, "vgg3", "1,64", 1, 60),
        profile_step(programs, "fc", "InputForward|Update|ActivationForward|LossForward", 1024, "fc", 20),
        peer_step(programs, "fc", "fc", "1024", 70, "--modes", "cuda_graph,pack,vmap_graph", "--precisions", "tf32"),
        *sanitizer_steps(programs)[1:4],
        profile_step(programs, "lenet5", "BiasGradient|BiasRelu|NormPool|InputForward", 1, "lenet5", 20),
        profile_step(programs, "vgg3", "BatchStatistics|NormPool|BiasRelu", 16, "vgg3", 30),
        peer_step(programs, "lenet5", "lenet5", "64", 150, "--images", "12800", *every_way),
        peer_step(programs, "vgg3", "vgg3", "16", 150, "--images", "12800", *every_way),
        peer_step(programs, "fc-every-way", "fc", "64,1024", 150, *every_way),
        Step("convolutions-vgg3", [*convolution, "--device", "cuda", "--layer", "vgg3"], 60, 240, "convolution", json=True),
        Step("convolutions-tf32", [*convolution, "--device", "cuda", *tf32_words(programs["bench_convolution"])], 60, 240,
             "convolution", json=True),
        sanitizer_steps(programs)[4],
        Step("every-technique", [programs["layers_tests"], "--gtest_filter=*EveryTechnique*cuda0*"], 90, 300, "gtest"),
        Step("kernels-every-noise", [*bench_kernels, "--device", "cuda", "--benchmark_min_time=0.1"], 120, 300, "kernels", json=True),
    ]  # fmt: skip


def has_gpu():
    return os.path.exists("/dev/nvidiactl") or os.path.exists("/dev/dxg")


def why_not(step, gpu):
    """Why a step cannot run on this machine; empty where it can. gpu: None for a plan of another machine, which has all tools."""
    if gpu is None:
        return ""
    if not gpu and step.cpu is None:
        return "no GPU here"
    command = step.command if gpu else step.cpu
    if gpu and step.tool and shutil.which(step.tool) is None:
        return f"{step.tool} is not installed here"
    program = command[2] if command[0] == "env" else command[0]
    if shutil.which(program) is None:
        return f"there is no {program}"
    return ""


def planned(steps, minutes, gpu):
    """(step, why it is left out or "") of each: in order of value, as long as what they should take fits into the time."""
    left = 60 * minutes
    plan = []
    for step in steps:
        reason = why_not(step, gpu)
        if not reason and gpu is not False and step.seconds > left:
            reason = NO_TIME
        if not reason:
            left -= step.seconds
        plan.append((step, reason))
    return plan
