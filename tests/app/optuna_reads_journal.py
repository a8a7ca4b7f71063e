"""Loads a journal that murmur exported, as tests/app/study_test.cpp made it, and goes on with it.

Usage: optuna_reads_journal.py FILE
"""

import math
import sys
import warnings

import optuna
from optuna.storages import JournalStorage

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")
try:
    from optuna.storages.journal import JournalFileBackend as File
except ImportError:
    from optuna.storages import JournalFileStorage as File

study = optuna.load_study(study_name="murmur", storage=JournalStorage(File(sys.argv[1])))
assert study.direction.name == "MAXIMIZE"
assert study.user_attrs["model"] == "fc" and len(study.user_attrs["search_space"]) == 22
assert [t.state.name for t in study.trials] == ["COMPLETE", "PRUNED", "FAIL", "RUNNING"]
first, pruned, failed, running = study.trials
assert first.value == 0.5 and first.intermediate_values == {1: 0.25, 2: 0.5}
assert first.user_attrs["seed"] == "1" and first.user_attrs["slot"] == 0
assert len(first.user_attrs["position"]) == 22 and len(first.params) == 22
assert first.params["optimizer"] in ("sgd", "momentum", "adam")
assert pruned.params["weight_noise"] == 0 and pruned.params["flip"] == "none"
assert math.isnan(failed.intermediate_values[1]) and failed.value is None
assert first.duration.total_seconds() >= 0 and running.datetime_complete is None
for trial in study.trials:
    trial._validate()
assert study.best_trial.number == 0


def objective(trial):
    for name, distribution in first.distributions.items():
        trial._suggest(name, distribution)
    return 0.75


study.optimize(objective, n_trials=2)
assert study.best_trial.number == 4 and len(study.trials) == 6
