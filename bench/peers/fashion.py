"""Reads Fashion-MNIST (or MNIST) and describes the run: what the peers' programs share."""

import datetime
import gzip
import json
import os
import platform
import shlex
import subprocess
import sys

import numpy as np

TRAINING_IMAGES = 48_000  # the first 80 % of the training file, as `murmur train` splits it


def read_idx(directory, name):
    """One IDX file of bytes, plain or gzip, as an array."""
    path = os.path.join(directory, name)
    opener = open
    if not os.path.exists(path):
        path, opener = path + ".gz", gzip.open
    with opener(path, "rb") as file:
        data = file.read()
    rank = data[3]
    shape = np.frombuffer(data, ">i4", rank, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def read_dataset(directory):
    """((train images [N, D], labels), (test images, labels)), uint8."""
    parts = []
    for part in ("train", "t10k"):
        images = read_idx(directory, f"{part}-images-idx3-ubyte")
        labels = read_idx(directory, f"{part}-labels-idx1-ubyte")
        parts.append((images.reshape(len(images), -1), labels))
    return parts


def random_dataset(num_images, sample_size=784, seed=1):
    """Bytes 1..255, of Fashion-MNIST's shape: never zeros, which some hardware multiplies faster."""
    random = np.random.default_rng(seed)
    images = random.integers(1, 256, (num_images, sample_size), dtype=np.uint8)
    labels = random.integers(0, 10, num_images, dtype=np.uint8)
    return images, labels


def cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"


def num_cores():
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def blas_libraries():
    """Files of the BLAS that this process has loaded, but NumPy's own; none where PyTorch has it built in.

    torch.__config__ does not name the one that Debian's PyTorch finds at run time.
    """
    try:
        with open("/proc/self/maps", encoding="utf-8") as file:
            paths = {line.split(maxsplit=5)[5].strip() for line in file if ".so" in line}
    except OSError:
        return []
    words = ("blas", "blis", "mkl")
    return sorted(p for p in paths if any(w in os.path.basename(p) for w in words) and "numpy.libs" not in p)


def commit():
    """The repository's commit, with -dirty where files differ from it."""
    here = os.path.dirname(os.path.abspath(__file__))
    command = ["git", "-C", here, "describe", "--always", "--dirty", "--abbrev=12", "--exclude", "*"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"


def write_json(path, report):
    """Whole or not at all: whoever is ended between two modes leaves the last complete one."""
    if path:
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
            file.write("\n")
        os.replace(path + ".part", path)


def provenance():
    """What traces a figure back to its run."""
    return {
        "commit": commit(),
        "command": shlex.join(sys.argv),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "host": f"{cpu_model()}, {num_cores()} cores",
        "python": platform.python_version(),
    }
