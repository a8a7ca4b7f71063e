"""Opens a study that murmur wrote with Optuna, checks it against what tests/pso/optuna_test.cpp put in, adds trials.

Usage: optuna_reads_study.py STUDY_FILE EXPECTED_JSON
"""

import datetime
import json
import math
import sqlite3
import sys
import tempfile
import warnings

import optuna
from optuna.trial import TrialState

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.simplefilter("error", UserWarning)


def same(got, expected):
    """Equal, with the JSON strings nan, inf and -inf for what JSON cannot hold."""
    if isinstance(expected, str) and isinstance(got, float):
        expected = float(expected)
        return math.isnan(got) if math.isnan(expected) else got == expected
    return got == expected


def check(what, got, expected):
    if not same(got, expected):
        sys.exit(f"{what}: expected {expected!r}, got {got!r}")


def tables(path, has_index):
    """Tables, their columns, types, keys and indices (those that are not unique where this Optuna has such)."""
    connection = sqlite3.connect(path)
    result = {}
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
        columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
        unique = sorted(
            tuple(column[2] for column in connection.execute(f"PRAGMA index_info({index[1]})"))
            for index in connection.execute(f"PRAGMA index_list({name})")
            if index[2]
        )
        others = sorted(
            index[1] for index in connection.execute(f"PRAGMA index_list({name})") if not index[2] and has_index
        )
        foreign = connection.execute(f"PRAGMA foreign_key_list({name})").fetchall()
        result[name] = (columns, unique, others, foreign)
    result["version"] = connection.execute("SELECT schema_version FROM version_info").fetchall()
    result["revision"] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    connection.close()
    return result


def check_schema(path):
    has_index = tuple(map(int, optuna.__version__.split(".")[:2])) >= (3, 2)
    with tempfile.TemporaryDirectory() as folder:
        optuna.create_study(storage=f"sqlite:///{folder}/own.db")
        own = tables(f"{folder}/own.db", has_index)
    study = tables(path, has_index)
    for name in sorted(set(own) | set(study)):
        check(f"table {name}", study.get(name), own.get(name))


def check_distribution_texts(path):
    """The JSON is, byte for byte, what Optuna writes."""
    connection = sqlite3.connect(path)
    for (text,) in connection.execute("SELECT DISTINCT distribution_json FROM trial_params"):
        distribution = optuna.distributions.json_to_distribution(text)
        check("distribution_json", text, optuna.distributions.distribution_to_json(distribution))
    connection.close()


def check_trial(trial, expected):
    name = f"trial {expected['number']}"
    check(f"{name} number", trial.number, expected["number"])
    check(f"{name} state", trial.state.name, expected["state"])
    check(f"{name} values", trial.values, expected["values"])
    check(f"{name} parameters", trial.params, expected["params"])
    check(f"{name} user attributes", trial.user_attrs, expected["user_attrs"])
    check(f"{name} steps", sorted(trial.intermediate_values), list(range(1, len(expected["intermediate"]) + 1)))
    for step, value in enumerate(expected["intermediate"], 1):
        check(f"{name} step {step}", trial.intermediate_values[step], value)
    age = datetime.datetime.now() - trial.datetime_start
    check(f"{name} started within the hour", abs(age) < datetime.timedelta(hours=1), True)
    check(f"{name} is finished", trial.datetime_complete is not None, trial.state.is_finished())
    if trial.state.is_finished():
        check(f"{name} duration", trial.duration >= datetime.timedelta(0), True)
    for key, distribution in trial.distributions.items():
        internal = distribution.to_internal_repr(trial.params[key])
        check(f"{name} {key} in its range", distribution._contains(internal), True)
        check(f"{name} {key} distribution", repr(distribution), expected["distributions"][key])
    trial._validate()


def objective(trial):
    """Suggests the study's own parameters, from the distributions that it holds."""
    for name, distribution in trial.study.trials[0].distributions.items():
        trial._suggest(name, distribution)
    trial.report(0.25, 1)
    trial.set_user_attr("from", "optuna")
    return 0.25


def main():
    path = sys.argv[1]
    with open(sys.argv[2], encoding="utf-8") as file:
        expected = json.load(file)
    check_schema(path)
    check_distribution_texts(path)

    study = optuna.load_study(study_name=expected["name"], storage=f"sqlite:///{path}")
    check("direction", study.direction.name, "MAXIMIZE")
    check("study attributes", study.user_attrs, expected["user_attrs"])
    check("number of trials", len(study.trials), len(expected["trials"]))
    for trial, entry in zip(study.trials, expected["trials"]):
        check_trial(trial, entry)
    check("best trial", study.best_trial.number, expected["best"])
    check("best value", study.best_value, expected["trials"][expected["best"]]["values"][0])

    for sampler in (optuna.samplers.RandomSampler(seed=1), optuna.samplers.TPESampler(seed=1, n_startup_trials=1)):
        study.sampler = sampler
        study.optimize(objective, n_trials=1)
    study.enqueue_trial({"dropout": 0.125})
    study.optimize(objective, n_trials=1)
    study.enqueue_trial({"dropout": 0.25})  # stays WAITING
    check("added trial", study.trials[-2].params["dropout"], 0.125)
    check("added states", [t.state for t in study.trials[-4:]], [TrialState.COMPLETE] * 3 + [TrialState.WAITING])


main()
