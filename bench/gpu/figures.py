"""What the steps of bench/gpu.sh say, as numbers: each parser takes a step's output and the JSON that it wrote.

A figure's name is STEP.WHAT, a prediction names one of them. A parser never fails on text that it does not know: the
figure is then missing, and the report says "not measured".
"""

import re

MICRO_BATCH = 128
EPOCH = 60_000  # images of an MNIST epoch


def rate(line):
    return line["images_per_second"]["median"]


def info(output, _):
    cuda = re.search(r"^\s*(cuda:\d+)\s+(.*)$", output, re.MULTILINE)
    return {"devices": len(re.findall(r"^\s*cuda:\d+", output, re.MULTILINE)), "device": cuda.group(2) if cuda else ""}


def gtest(output, _):
    figures = {}
    for word, name in (("PASSED", "passed"), ("SKIPPED", "skipped"), ("FAILED", "failed")):
        found = re.search(rf"\[\s*{word}\s*\] (\d+) tests?\b", output)
        figures[name] = int(found.group(1)) if found else 0
    return figures


def train(_, report):
    networks = report.get("networks", [])
    return {
        "images_per_second": report.get("images_per_second"),
        "networks": len(networks),
        "diverged": sum(network["diverged"] for network in networks),
        "test_accuracy": min((network["test_accuracy"] or 0 for network in networks), default=None),
    }


def choices(output, _):
    return {"lines": sum(bool(line.strip()) and not line.startswith("#") for line in output.splitlines())}


def one_line(output, _):
    return {"lines": len(output.splitlines())}


def sanitizer(output, _):
    figures = {}
    errors = re.search(r"ERROR SUMMARY: (\d+) error", output)
    hazards = re.search(r"RACECHECK SUMMARY: (\d+) hazard", output)
    if errors:
        figures["errors"] = int(errors.group(1))
    if hazards:
        figures["errors"] = int(hazards.group(1))
    leaked = re.search(r"LEAK SUMMARY: (\d+) bytes leaked", output)
    if leaked:
        figures["leaked_bytes"] = int(leaked.group(1))
    return figures


def throughput(_, report):
    figures = {"large_gemm_tflops": report.get("large_gemm_flops_per_second", 0) * 1e-12}
    for line in report.get("results", []):
        name = f"P{line['networks']}.{line['noise']}"
        figures[f"{name}.images_per_second"] = rate(line)
        figures[f"{name}.tick_us"] = 1e6 * MICRO_BATCH * line["networks"] / rate(line)
        figures[f"{name}.epoch_ms"] = 1e3 * EPOCH * line["networks"] / rate(line)
        figures[f"{name}.network_tick_us"] = 1e6 * MICRO_BATCH / rate(line)
        figures[f"{name}.30000_networks_s"] = 30_000 * EPOCH / rate(line)
        if "gemm_images_per_second" in line:
            gemm = line["gemm_images_per_second"]["median"]
            figures[f"P{line['networks']}.products_network_tick_us"] = 1e6 * MICRO_BATCH / gemm
        if "time_on_over_off" in line:
            figures[f"P{line['networks']}.on_over_off"] = line["time_on_over_off"]
    return figures


def kernels(_, report):
    figures = {}
    context = report.get("context", {})
    head = next((text for name, text in context.items() if name.startswith("cuda") or name == "cpu"), "")
    networks = re.search(r"P=(\d+)", head)
    copy = re.search(r"copy ([\d.]+) GB/s", head)
    if copy:
        figures["copy_gb_per_second"] = float(copy.group(1))
    for line in report.get("benchmarks", []):
        # "cuda:0/input/all/manual_time"
        name = ".".join(line["name"].split("/")[1:3])
        if "launch" in line and networks:
            figures[f"{name}.network_us"] = 1e6 * line["launch"] / int(networks.group(1))
        if "%copy" in line:
            figures[f"{name}.copy_percent"] = line["%copy"]
        if name.startswith("normals"):
            figures[f"{name}.per_ns"] = line["elements"] * 1e-9
    return figures


def convolution(_, report):
    figures = {"large_gemm_tflops": report.get("large_gemm_flops_per_second", 0) * 1e-12}
    for line in report.get("results", []):
        place = f"{line['layer']}.{line['pass'].replace(' ', '_')}.P{line['networks']}"
        for method, key in (("library", "library"), ("im2col", "matrix_product")):
            measured = line.get(key, {})
            if "seconds" in measured:
                figures[f"{place}.{method}_call_us"] = 1e6 * measured["seconds"] / line["networks"]
    return figures


def peers(_, report):
    figures = {}
    for noise, winner in report.get("winners", {}).items():
        figures[f"{noise}.winner"] = f"{winner['who']}, {winner['way']}"
        figures[f"{noise}.images_per_second"] = winner["images_per_second"]
    for noise, ratio in report.get("murmur_over_best_peer", {}).items():
        figures[f"{noise}.murmur_over_best_peer"] = ratio
    return figures


def profile(_, report):
    figures = {}
    for line in report.get("kernels", []):
        for key in ("mean_us", "copy_percent", "registers", "occupancy_percent"):
            if line.get(key) is not None:
                figures[f"{line['kernel']}.{key}"] = line[key]
    return figures


def parse(name, output, report):
    """The figures of a step, numbers and words; {} where the parser cannot read what it got."""
    try:
        return {key: value for key, value in globals()[name](output, report or {}).items() if value is not None}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return {"unreadable": f"{name}: {error!r}"}
