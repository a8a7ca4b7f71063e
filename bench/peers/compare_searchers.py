#!/usr/bin/env python3
"""murmur's searchers and pagmo2's (bench_searchers) beside those of Python: Optuna's TPE and CMA-ES, the swarms of OptunaHub
and of pyswarms.

The Python ones evaluate the same problems, with the same errors, through `bench_searchers --serve`, and begin with what is
known, too; who is not installed does not take part. One table: the median of each function and variant over the seeds, the
best mean rank first.

    compare_searchers.py --program build/release/bench/bench_searchers --budgets 110 --dimensions 22 --minutes 30 --json out.json
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import warnings

from budget import Budget, exit_status

FUNCTIONS = ["sphere", "rosenbrock", "rastrigin", "ackley", "griewank"]
VARIANTS = ["rotated", "noisy", "mixed", "mixed-noisy", "sparse", "sparse-noisy"]


class Problem:
    """A problem of bench_searchers, evaluated by it; `result` is the value without an error of the best observation."""

    def __init__(self, program, function, variant, dimensions, seed):
        self.dimensions = dimensions
        self.process = subprocess.Popen([program, "--serve", f"{function} {variant} {dimensions} {seed}"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        bounds = [float(word) for word in self.process.stdout.readline().split()]
        self.low, self.high = bounds[:dimensions], bounds[dimensions : 2 * dimensions]
        self.start = bounds[2 * dimensions :]  # what is known from the beginning, or nothing
        self.best = None

    def __call__(self, position):
        self.process.stdin.write(" ".join(repr(float(x)) for x in position) + "\n")
        self.process.stdin.flush()
        observed, value = (float(word) for word in self.process.stdout.readline().split())
        if self.best is None or observed < self.best[0]:
            self.best = (observed, value)
        return observed

    def result(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        return self.best[1]


def optuna_sampler(make):
    def run(problem, budget, seed):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore")  # of what is new in it
        study = optuna.create_study(sampler=make(optuna, problem, budget, seed))
        if problem.start:
            study.enqueue_trial({str(d): x for d, x in enumerate(problem.start)})
        study.optimize(
            lambda trial: problem([trial.suggest_float(str(d), problem.low[d], problem.high[d])
                                   for d in range(problem.dimensions)]), n_trials=budget)  # fmt: skip

    return run


def particles(budget):
    """Of a swarm, as many as ours has."""
    return 8 if budget <= 440 else 22


def pyswarms_swarm(problem, budget, seed):
    import logging

    import numpy
    import pyswarms

    logging.disable(logging.INFO)
    generator = numpy.random.RandomState(seed)
    numpy.random.seed(seed)
    low, high, size = numpy.array(problem.low), numpy.array(problem.high), particles(budget)
    start = generator.uniform(low, high, (size, problem.dimensions))
    if problem.start:
        start[0] = problem.start
    optimizer = pyswarms.single.GlobalBestPSO(size, problem.dimensions, {"c1": 1.49618, "c2": 1.49618, "w": 0.7298},
                                              bounds=(low, high), init_pos=start)  # fmt: skip
    optimizer.optimize(lambda rows: numpy.array([problem(row) for row in rows]), budget // size, verbose=False)


def optuna_tpe(is_multivariate):
    """Which of the two is the default depends on Optuna's version."""
    return lambda optuna, problem, budget, seed: optuna.samplers.TPESampler(seed=seed, multivariate=is_multivariate)


def optuna_cmaes(optuna, problem, _budget, seed):
    known = {str(d): x for d, x in enumerate(problem.start)} or None
    return optuna.samplers.CmaEsSampler(x0=known, seed=seed)


def optunahub_swarm(_optuna, _problem, budget, seed):
    """From OptunaHub, or the copy of its registry that OPTUNAHUB_REGISTRY names."""
    import optunahub

    registry = os.environ.get("OPTUNAHUB_REGISTRY")
    module = (optunahub.load_local_module("samplers/pso", registry_root=registry) if registry
              else optunahub.load_module("samplers/pso"))  # fmt: skip
    return module.PSOSampler(n_particles=particles(budget), seed=seed)


PEERS = {
    "optuna:tpe": ("optuna", optuna_sampler(optuna_tpe(False))),
    "optuna:tpe-multivariate": ("optuna", optuna_sampler(optuna_tpe(True))),
    "optuna:cmaes": ("cmaes", optuna_sampler(optuna_cmaes)),
    "optunahub:pso": ("optunahub", optuna_sampler(optunahub_swarm)),
    "pyswarms": ("pyswarms", pyswarms_swarm),
}  # fmt: skip


def is_installed(module):
    try:
        __import__(module)
    except ImportError:
        return False
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the built bench_searchers")
    parser.add_argument("--functions", default=",".join(FUNCTIONS))
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--budgets", default="110", help="evaluations")
    parser.add_argument("--dimensions", default="22")
    parser.add_argument("--seeds", type=int, default=25)
    parser.add_argument("--peers", default=",".join(PEERS), help="of Python")
    parser.add_argument("--contestants", nargs="+", default=[], help="of bench_searchers; default: all")
    parser.add_argument("--minutes", type=float, default=30, help="half of them for Python's; 0: no limit")
    parser.add_argument("--json")
    options = parser.parse_args()

    budget = Budget(options.minutes)
    names = [name for name in options.peers.split(",") if is_installed(PEERS[name][0])]
    cells = own_cells(options)
    for size in [int(word) for word in options.budgets.split(",")]:
        for dimensions in [int(word) for word in options.dimensions.split(",")]:
            for variant in options.variants.split(","):
                for function in options.functions.split(","):
                    for name in names:
                        results = []
                        for seed in range(1, options.seeds + 1):
                            if not budget.has_room_for(0):
                                break
                            budget.show(f"{name}: {function} {variant} {dimensions}, {size} evaluations, seed {seed}")
                            problem = Problem(options.program, function, variant, dimensions, seed)
                            PEERS[name][1](problem, size, seed)
                            results.append(problem.result())
                        if len(results) == options.seeds:
                            cells.append({"function": function, "variant": variant, "dimensions": dimensions,
                                          "evaluations": size, "contestant": name, "median": statistics.median(results),
                                          "least": min(results), "most": max(results)})  # fmt: skip
    print(table(cells))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"benchmark": "searchers", "seeds": options.seeds, "cells": cells}, file, indent=1)


def own_cells(options):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "own.json")
        command = [options.program, "--functions", options.functions, "--variants", options.variants, "--budgets", options.budgets,
                   "--dimensions", options.dimensions, "--seeds", str(options.seeds), "--json", path]  # fmt: skip
        if options.minutes > 0:
            command += ["--minutes", str(options.minutes / 2)]
        if options.contestants:
            command += ["--contestants", *options.contestants]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with open(path, encoding="utf-8") as file:
            return json.load(file)["cells"]


def table(cells):
    """A block a budget and number of dimensions, of the problems that all of its contestants finished."""
    lines = []
    for heading in sorted({(cell["evaluations"], cell["dimensions"]) for cell in cells}):
        group = {(cell["contestant"], cell["variant"], cell["function"]): cell["median"]
                 for cell in cells if (cell["evaluations"], cell["dimensions"]) == heading}  # fmt: skip
        contestants = list(dict.fromkeys(key[0] for key in group))
        problems = [p for p in dict.fromkeys(key[1:] for key in group) if all((name, *p) in group for name in contestants)]
        if not problems:
            continue
        ranks = {}
        for name in contestants:
            better = [sum(group[(other, *p)] < group[(name, *p)] for other in contestants) for p in problems]
            ranks[name] = 1 + statistics.mean(better)
        lines.append(f"{heading[0]} evaluations, {heading[1]} dimensions, mean rank over {len(problems)} problems")
        for name in sorted(contestants, key=ranks.get):
            medians = " ".join(f"{group[(name, *p)]:9.3g}" for p in problems)
            lines.append(f"{name:<28}{ranks[name]:6.1f}  {medians}")
        lines.append(f"{'':<36}" + " ".join(f"{p[1][:9]:>9}" for p in problems))
        lines.append(f"{'':<36}" + " ".join(f"{p[0][:9]:>9}" for p in problems) + "\n")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(exit_status(main))
