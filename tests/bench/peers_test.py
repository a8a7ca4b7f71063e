#!/usr/bin/env python3
"""What the benchmarks in Python have in common (bench/peers/budget.py), and the problems that bench_searchers serves.

    peers_test.py BENCH_SEARCHERS
"""

import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "peers"))
import budget  # noqa: E402
import compare_searchers  # noqa: E402

PROGRAM = sys.argv.pop(1)


def status_and_errors(benchmark):
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        return budget.exit_status(benchmark), errors.getvalue()


class Budget(unittest.TestCase):
    def test_what_runs_past_the_time_ends_with_its_own_processes(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "pid")
            with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(budget.OutOfTime):
                budget.Budget(1 / 60).run(["bash", "-c", f"sleep 300 & echo $! > {path}; wait"], "sleeps")
            pid = pathlib.Path(path).read_text().strip()
        end = time.monotonic() + 10
        while is_alive(pid) and time.monotonic() < end:
            time.sleep(0.05)
        self.assertFalse(is_alive(pid), "the child of what was killed")

    def test_a_program_that_fails_is_a_line_and_its_status(self):
        status, errors = status_and_errors(lambda: subprocess.run(["sh", "-c", "exit 4"], check=True) and 0)
        self.assertEqual(status, 4)
        self.assertEqual(errors.count("\n"), 1)
        self.assertIn("expected exit status 0, got 4: sh -c 'exit 4'", errors)

    def test_a_program_that_is_not_there_is_a_line(self):
        status, errors = status_and_errors(lambda: subprocess.run(["/no/such/program"], check=True) and 0)
        self.assertEqual(status, 2)
        self.assertIn("/no/such/program: No such file or directory", errors)

    def test_success_is_the_benchmarks_own(self):
        self.assertEqual(status_and_errors(lambda: 7), (7, ""))


class ServedProblem(unittest.TestCase):
    def test_says_what_is_known_where_something_is(self):
        for variant, known in (("sparse", [-5.0] * 4), ("rotated", [])):
            problem = compare_searchers.Problem(PROGRAM, "sphere", variant, 4, 1)
            self.assertEqual((problem.low, problem.high, problem.start), ([-5.0] * 4, [5.0] * 4, known))
            value = problem([-5.0] * 4)
            self.assertGreater(value, 0)
            self.assertEqual(problem.result(), value)


def is_alive(pid):
    """False for one that has ended and that nobody has waited for, too."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    unittest.main()
