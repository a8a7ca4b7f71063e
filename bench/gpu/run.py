#!/usr/bin/env python3
"""Runs the steps of bench/gpu.sh within a time; each leaves a JSON file, all together report.md."""

import argparse
import datetime
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import figures
import report
import steps

TAIL = 12_000  # characters of a step's output that are kept
ENDING = 5.0  # seconds between asking a step to end and ending it
MOST_OUTPUT = 4 << 20  # bytes of which figures are read


def first_line(command):
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.splitlines()[0].strip() if result.returncode == 0 and result.stdout else ""


def machine(programs, stub):
    smi = first_line(["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"])
    name, driver, memory = (smi.split(", ") + ["", "", ""])[:3]
    return {
        "device": name or ("stub of the CUDA libraries" if stub else "no GPU"),
        "driver": driver or "none",
        "memory": memory,
        "stub": stub,
        "commit": first_line([programs["murmur"], "--version"]) or "unknown",
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def end(process):
    """Ends a step with all that it started: first it is asked to, then it is made to."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(timeout=ENDING)
        except subprocess.TimeoutExpired:
            continue


def run_command(command, limit, environment):
    """(exit code or None where it was ended at its limit, seconds, output)"""
    begin = time.monotonic()
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return 127, 0.0, str(error)
        try:
            code = process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            code = None
        except BaseException:
            end(process)
            raise
        if code is None:
            end(process)
        output.seek(max(0, output.seek(0, os.SEEK_END) - MOST_OUTPUT))  # summaries stand at the end
        text = output.read().decode(errors="replace")
        return code, time.monotonic() - begin, text


def read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def filled(command, path):
    """The command with the paths of its own files in it."""
    return [word.replace("{json}", path + ".figures.json").replace("{stem}", path) for word in command]


def outcome(code, step):
    if code is None:
        return "timed out"
    return "ok" if code == step.exit_code else f"expected exit {step.exit_code}, got {code}"


def run_step(step, gpu, options, head, limit, again=()):
    """again: environment variables of a second run, whose file has a name of its own."""
    path = os.path.join(options.output, step.name + ("-again" if again else ""))
    command = filled(step.command if gpu else step.cpu, path)
    if again:
        command = ["env", *again, *command]
    if os.path.exists(path + ".figures.json"):
        os.remove(path + ".figures.json")  # of an earlier run
    environment = dict(os.environ)
    if gpu:
        environment["MURMUR_REQUIRE_GPU"] = "1"
    code, seconds, output = run_command(command, limit, environment)
    result = {
        "step": os.path.basename(path),
        "command": shlex.join(command),
        "exit_code": code,
        "outcome": outcome(code, step),
        "seconds": round(seconds, 2),
        "limit": round(limit, 1),
        "on": "gpu" if gpu else "cpu",
        **head,
        "figures": figures.parse(step.parse, output, read_json(path + ".figures.json")) if step.parse else {},
        "output_tail": output[-TAIL:],
    }
    write_json(path + ".json", result)
    return result


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
        file.write("\n")


def print_plan(chosen, gpu, options):
    """The plan for a machine with a GPU, whether this is one or not."""
    plan = steps.planned(chosen, options.minutes, gpu or None)
    total = sum(step.seconds for step, reason in plan if not reason)
    print(f"plan: {options.minutes:g} minutes, of which the steps should take {total:.0f} s" + ("" if gpu else " (no GPU here)"))
    for step, reason in plan:
        line = f"timeout {step.limit:g} {shlex.join(filled(step.command, os.path.join(options.output, step.name)))}"
        print(f"\n{step.name}" + (f": left out: {reason}" if reason else "") + f"\n    {line}")
        if not gpu and step.cpu is not None:
            print(f"    without a GPU: {shlex.join(filled(step.cpu, os.path.join(options.output, step.name)))}")


def run_plan(plan, gpu, options, head):
    results = []
    deadline = time.monotonic() + 60 * options.minutes
    for step, reason in plan:
        left = deadline - time.monotonic() - ENDING
        if reason == steps.NO_TIME and left >= step.seconds:
            reason = ""  # those before it took less than they should
        elif not reason and left < min(step.seconds, 10):
            reason = steps.NO_TIME
        if reason:
            print(f"{step.name:<22} left out: {reason}", flush=True)
            results.append({"step": step.name, "outcome": f"left out: {reason}", "figures": {}})
            continue
        print(f"{step.name:<22} ...", end="\r" if sys.stdout.isatty() else " ", flush=True)
        result = run_step(step, gpu, options, head, min(step.limit, left))
        print(f"{step.name:<22} {result['outcome']:<30} {result['seconds']:7.1f} s", flush=True)
        results.append(result)
        left = deadline - time.monotonic() - ENDING
        if gpu and step.again and result["outcome"] != "ok" and left > step.seconds:
            again = run_step(step, gpu, options, head, min(step.limit, left), step.again)
            print(f"{again['step']:<22} {again['outcome']:<30} {again['seconds']:7.1f} s", flush=True)
            results.append(again)
        report.write(options.output, head, results, options.minutes)  # what is known stays known, however this ends
    report.write(options.output, head, results, options.minutes)
    return results


class Parser(argparse.ArgumentParser):
    def error(self, message):
        """One plain line."""
        self.exit(2, f"gpu.sh: {message}\n")


def main():
    parser = Parser(description="steps of bench/gpu.sh")
    parser.add_argument("--build", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--stub", default="")
    options = parser.parse_args()
    if not options.minutes > 0:
        parser.error(f"--minutes: expected a number above 0, got {options.minutes:g}")
    options.output = os.path.abspath(options.output)

    chosen = steps.all_steps(options.build, options.output)
    names = [step.name for step in chosen]
    for name in options.only:
        if name not in names:
            parser.error(f"--only: expected one of {', '.join(names)}, got '{name}'")
    if options.only:
        chosen = [step for step in chosen if step.name in options.only]
    gpu = steps.has_gpu() or bool(options.stub)
    if options.dry_run:
        print_plan(chosen, gpu, options)
        return 0
    plan = steps.planned(chosen, options.minutes, gpu)
    os.makedirs(options.output, exist_ok=True)
    if not options.only:
        shutil.rmtree(os.path.join(options.output, "cache"), ignore_errors=True)
    head = machine(steps.Programs(options.build), options.stub)
    print(f"{head['device']}, driver {head['driver']}; {head['commit']}", flush=True)
    if not gpu:
        print("no GPU here: what can run on the CPU runs, small; no prediction is tested", flush=True)
    results = run_plan(plan, gpu, options, head)
    print(os.path.join(options.output, "report.md"))
    return 0 if all(r["outcome"] == "ok" or r["outcome"].startswith("left out") for r in results) else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
