#!/usr/bin/env python3
"""bench/gpu.sh and bench/gpu_bundle.sh without a GPU: the plan, what a step that fails or hangs leaves, the parsers, the report,
and a bundle that is unpacked elsewhere. The interval of bench/compare_builds.py.

Usage: gpu_scripts_test.py PROGRAM    PROGRAM: the built murmur
"""

import gzip
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench" / "gpu"), str(ROOT / "bench")]
import compare_builds  # noqa: E402
import figures  # noqa: E402
import report  # noqa: E402
import run  # noqa: E402
import steps  # noqa: E402

MURMUR = os.path.abspath(sys.argv.pop(1))
HEAD = {"device": "an H100", "driver": "580", "commit": "murmur 0.1.0 (abc)", "date": "today", "stub": ""}
PROGRAMS = ("murmur", "engine_tests", "kernels_tests", "layers_tests", "bench_throughput", "bench_kernels", "bench_convolution")


def call(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def fake_build(self, script="echo '[  PASSED  ] 3 tests.'"):
        """A bundle of scripts."""
        for name in PROGRAMS:
            path = self.folder / "build" / "bin" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            path.chmod(0o755)
        return self.folder / "build"


class Plan(Folder):
    def plan(self, *options):
        result = call(ROOT / "bench" / "gpu.sh", "--build", self.fake_build(), "--dry-run", *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_names_each_command_with_its_limit(self):
        text = self.plan("--minutes", "600")
        for words in ("\n    timeout 120 ", "engine_tests '--gtest_filter=*cuda0*:*OnAGpu*'", "--tool racecheck", "profile ncu"):
            self.assertIn(words, text)

    def test_few_minutes_keep_what_is_of_most_value(self):
        build = str(self.fake_build())
        left_out = []
        for minutes in (9, 30):
            plan = steps.planned(steps.all_steps(build, "out"), minutes, None)
            left_out.append({step.name for step, reason in plan if reason == steps.NO_TIME})
            self.assertLessEqual(sum(step.seconds for step, reason in plan if not reason), 60 * minutes)
        self.assertTrue(left_out[1] < left_out[0], left_out)
        self.assertFalse({"info", "engine-tests", "train-vgg3", "throughput-fc", "kernels"} & left_out[0])

    def test_only_takes_known_steps(self):
        self.assertEqual(self.plan("--only", "info").count("timeout"), 1)
        result = call(ROOT / "bench" / "gpu.sh", "--build", self.fake_build(), "--only", "coffee")
        self.assertEqual((result.returncode, result.stderr.count("\n")), (2, 1), result.stderr)
        self.assertIn("expected one of info, engine-tests", result.stderr)

    def test_usage_errors_are_one_line(self):
        for words in (["--coffee"], ["--minutes"], ["--minutes", "many"], ["--minutes", "-1"], ["--build", "/nowhere"], ["--stub", "/nowhere"]):
            result = call(ROOT / "bench" / "gpu.sh", "--build", self.fake_build(), *words)
            self.assertEqual((result.returncode, result.stderr.count("\n")), (2, 1), result.stderr)

    def test_benchmarks_run_as_trainings_do(self):
        build = self.fake_build("echo --tf32")
        for step in steps.all_steps(str(build), "out"):
            if step.parse in ("throughput", "peers"):
                self.assertIn("--tf32", step.command, step.name)

    def test_every_step_has_its_parser_and_an_own_name(self):
        chosen = steps.all_steps("build", "out")
        self.assertEqual(len({step.name for step in chosen}), len(chosen))
        for step in chosen:
            self.assertTrue(not step.parse or callable(getattr(figures, step.parse)), step.name)
            self.assertLess(step.seconds, step.limit, step.name)


class Running(Folder):
    def test_a_step_that_hangs_is_ended_with_all_that_it_started(self):
        pid_file = self.folder / "pid"
        begin = time.monotonic()
        code, _, output = run.run_command(["sh", "-c", f"echo here; sleep 600 & echo $! > {pid_file}; wait"], 1, os.environ)
        self.assertIsNone(code)
        self.assertEqual(output, "here\n")
        self.assertLess(time.monotonic() - begin, 60)
        status = pathlib.Path("/proc") / pid_file.read_text(encoding="utf-8").strip() / "status"

        def is_gone():  # or dead and waiting for a parent that asks
            try:
                return "State:\tZ" in status.read_text(encoding="utf-8")
            except OSError:
                return True

        while not is_gone() and time.monotonic() - begin < 60:
            time.sleep(0.05)
        self.assertTrue(is_gone())

    def test_a_program_that_is_not_there_is_no_exception(self):
        self.assertEqual(run.run_command(["/nowhere/program"], 1, os.environ)[0], 127)

    def test_a_step_that_fails_ends_nothing(self):
        build = self.fake_build("case $0 in *engine_tests) exit 3 ;; esac; echo '[  PASSED  ] 3 tests.'")
        out = self.folder / "out"
        words = ["--only", "engine-tests", "--only", "kernel-tests", "--only", "memcheck-kernels"]
        # A stub of nothing takes the place of the GPU, so that the steps run as there.
        result = call(ROOT / "bench" / "gpu.sh", "--build", build, "--output", out, "--stub", self.folder, *words)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        failed = json.loads((out / "engine-tests.json").read_text(encoding="utf-8"))
        self.assertEqual((failed["exit_code"], failed["outcome"], failed["on"]), (3, "expected exit 0, got 3", "gpu"))
        passed = json.loads((out / "kernel-tests.json").read_text(encoding="utf-8"))
        self.assertEqual((passed["outcome"], passed["figures"]["passed"]), ("ok", 3))
        text = (out / "report.md").read_text(encoding="utf-8")
        self.assertIn("no figure here is a measurement", text)
        self.assertIn("0 confirmed, 0 refuted", text)


    def test_a_training_that_fails_runs_once_more_and_says_more(self):
        build = self.fake_build("echo $CUBLASLT_LOG_LEVEL; exit 4")
        out = self.folder / "out"
        call(ROOT / "bench" / "gpu.sh", "--build", build, "--output", out, "--stub", self.folder, "--only", "train-fc")
        again = json.loads((out / "train-fc-again.json").read_text(encoding="utf-8"))
        self.assertEqual((again["step"], again["exit_code"], again["output_tail"]), ("train-fc-again", 4, "4\n"))


class Figures(unittest.TestCase):
    def test_of_programs(self):
        line = {"networks": 2, "noise": "on", "images_per_second": {"median": 128e3}, "time_on_over_off": 1.5}
        self.assertEqual(figures.parse("gtest", "[  PASSED  ] 12 tests.\n[  FAILED  ] 1 test, listed below:\n", None)["failed"], 1)
        got = figures.parse("throughput", "", {"large_gemm_flops_per_second": 5e13, "results": [line]})
        self.assertAlmostEqual(got["P2.on.tick_us"], 2000)
        self.assertAlmostEqual(got["P2.on_over_off"], 1.5)
        context = {"cuda:0": "an H100, P=1024, micro-batch 128, copy 3000.5 GB/s"}
        kernel = {"name": "cuda:0/input/all/manual_time", "launch": 1e-3, "%copy": 70.0, "elements": 1e11}
        got = figures.parse("kernels", "", {"context": context, "benchmarks": [kernel]})
        self.assertAlmostEqual(got["input.all.network_us"], 1e3 / 1024)
        self.assertEqual(got["copy_gb_per_second"], 3000.5)

    def test_of_sanitizers(self):
        text = "========= LEAK SUMMARY: 0 bytes leaked in 0 allocations\n========= ERROR SUMMARY: 2 errors\n"
        self.assertEqual(figures.parse("sanitizer", text, None), {"errors": 2, "leaked_bytes": 0})
        text = "========= RACECHECK SUMMARY: 1 hazard displayed (1 error, 0 warnings)\n"
        self.assertEqual(figures.parse("sanitizer", text, None), {"errors": 1})

    def test_unknown_text_is_no_failure(self):
        for name in ("info", "gtest", "train", "throughput", "kernels", "convolution", "peers", "profile", "sanitizer"):
            figures.parse(name, "something else", {"results": [{}], "benchmarks": [{}], "kernels": [{}], "networks": [{}]})
            figures.parse(name, "", None)


class Report(unittest.TestCase):
    def test_every_prediction_names_a_step_and_has_a_bound(self):
        names = {step.name for step in steps.all_steps("build", "out")}
        for prediction in report.predictions()["predictions"]:
            self.assertIn(prediction["figure"].split(".")[0], names)
            self.assertTrue("low" in prediction or "high" in prediction, prediction)

    def test_judges(self):
        result = {"step": "throughput-fc", "outcome": "ok", "on": "gpu", "seconds": 1}
        values = {"P1.on.tick_us": 70, "P1024.on.tick_us": 9000}
        rows = report.judged(HEAD, [{**result, "figures": values}])
        words = {prediction["figure"]: word for prediction, _, word in rows}
        self.assertEqual(words["throughput-fc.P1.on.tick_us"], "confirmed")
        self.assertEqual(words["throughput-fc.P1024.on.tick_us"], "refuted")
        self.assertEqual(words["throughput-vgg3.P1.on.tick_us"], "not measured")
        failed = {"step": "train-fc", "outcome": "timed out", "on": "gpu", "seconds": 1, "figures": {}}
        left_out = {"step": "train-vgg3", "outcome": "left out: no time for it", "figures": {}}
        words = {p["figure"]: word for p, _, word in report.judged(HEAD, [failed, left_out])}
        self.assertEqual((words["train-fc.ok"], words["train-vgg3.ok"]), ("refuted", "not measured"))
        self.assertNotIn("no prediction was tested", report.text(HEAD, [failed, left_out], 9))
        on_cpu = {**result, "on": "cpu", "figures": values}
        self.assertTrue(all(word == "not measured" for *_, word in report.judged(HEAD, [on_cpu])))


class Bundle(Folder):
    def data(self):
        """64 images, in the files of Fashion-MNIST."""
        folder = self.folder / "data" / "fashion-mnist"
        folder.mkdir(parents=True)
        for part in ("train", "t10k"):
            images = bytes(range(1, 65)) * 784
            for name, head, body in (
                ("images-idx3", struct.pack(">4i", 0x803, 64, 28, 28), images),
                ("labels-idx1", struct.pack(">2i", 0x801, 64), bytes(i % 10 for i in range(64))),
            ):
                with gzip.open(folder / f"{part}-{name}-ubyte.gz", "wb") as file:
                    file.write(head + body)
        return folder.parent

    def test_is_packed_unpacked_verified_and_runs(self):
        script = ROOT / "bench" / "gpu_bundle.sh"
        environment = {"PATH": os.environ["PATH"], "MURMUR_DATA": str(self.data()), "XZ_DEFAULTS": "-0", "HOME": str(self.folder)}
        packed = call(script, self.folder / "out", MURMUR, env=environment)
        self.assertEqual(packed.returncode, 0, packed.stderr)
        self.assertRegex(packed.stdout, r"bundle.tar.xz: \d+\.\d MiB \(at most 64\), 1 programs, ")
        there = self.folder / "there"
        there.mkdir()
        call("tar", "-xJf", self.folder / "out" / "bundle.tar.xz", "-C", there)
        del environment["MURMUR_DATA"]
        script = there / "bench" / "gpu_bundle.sh"
        verified = call(script, "--verify", there, env=environment)
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
        train = f". '{there}/bench/gpu/env.sh' '{there}' && murmur train --device cpu --epochs 1 --quiet"
        trained = call("bash", "-c", train, env=environment, cwd=there)
        self.assertEqual(trained.returncode, 0, trained.stderr)
        dry = call(there / "bench" / "gpu.sh", "--dry-run", "--minutes", "9", env=environment, cwd=there)
        self.assertIn(str(there / "bin" / "murmur"), dry.stdout)
        next(path for path in (there / "lib").iterdir() if path.name.startswith("libfmt")).unlink()
        if not any(pathlib.Path("/usr/lib").rglob("libfmt.so.*")):
            self.assertEqual(call(script, "--verify", there, env=environment).returncode, 1)

    def test_usage_errors_are_one_line(self):
        for words in ([], ["--coffee"], ["out"], ["--verify"]):
            result = call(ROOT / "bench" / "gpu_bundle.sh", *words)
            self.assertEqual((result.returncode, result.stderr.count("\n")), (2, 1), result.stderr)
        result = call(ROOT / "bench" / "gpu_bundle.sh", "--verify", self.folder)
        self.assertEqual((result.returncode, result.stderr.count("\n")), (1, 1), result.stderr)


class Pairs(unittest.TestCase):
    def test_interval_of_a_median_is_that_of_the_tables(self):
        # Ranks k and n + 1 - k with the largest k for which a binomial of n halves is below k with at most 0.025.
        for count, k in ((1, 1), (5, 1), (6, 1), (9, 2), (15, 4), (25, 8), (40, 14)):
            self.assertEqual(compare_builds.interval(range(count, 0, -1)), (k, count + 1 - k), count)


class Nvbench(Folder):
    def test_has_what_its_comparison_script_reads(self):
        program = pathlib.Path(MURMUR).parents[1] / "bench" / "bench_throughput"
        if not program.exists():
            self.skipTest(f"there is no {program}")
        path = self.folder / "t.json"
        options = ["--device", "cpu", "--images", "256", "--networks", "1,2", "--epochs", "1", "--repeats", "2"]
        result = call(program, *options, "--nvbench-json", path)
        self.assertEqual(result.returncode, 0, result.stderr)
        root = json.loads(path.read_text(encoding="utf-8"))
        self.assertEqual(root["meta"]["version"]["json"]["string"], "1.0.0")
        (benchmark,) = root["benchmarks"]
        self.assertEqual(benchmark["devices"], [root["devices"][0]["id"]])
        self.assertEqual([axis["name"] for axis in benchmark["axes"]], ["Networks", "Noise"])
        names = [state["name"] for state in benchmark["states"]]
        self.assertEqual((len(names), len(set(names))), (4, 4))
        for state in benchmark["states"]:
            self.assertEqual([value["name"] for value in state["axis_values"]], ["Networks", "Noise"])
            values = {summary["tag"]: summary["data"][0] for summary in state["summaries"]}
            for tag in ("nv/cold/time/gpu/mean", "nv/cold/time/gpu/stdev/relative"):
                self.assertEqual((values[tag]["name"], values[tag]["type"]), ("value", "float64"))
                self.assertGreaterEqual(float(values[tag]["value"]), 0)


if __name__ == "__main__":
    unittest.main()
