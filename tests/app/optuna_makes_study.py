"""Makes a file with two studies by Optuna's own samplers, and writes down what a report of the first has to say.

Usage: optuna_makes_study.py STUDY_FILE EXPECTED_JSON
"""

import json
import math
import sys
import warnings

import optuna
from optuna.trial import TrialState

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")
storage = f"sqlite:///{sys.argv[1]}"
CHOICES = ["a", "</b>", 3]


def objective(trial):
    rate = trial.suggest_float("learning_rate", 1e-5, 0.1, log=True)
    dropout = trial.suggest_float("dropout", 0, 0.9)
    width = trial.suggest_int("width", 1, 8)
    kind = trial.suggest_categorical("kind", CHOICES)
    if kind == "a":
        trial.suggest_float("only_a", 0, 1)
    for step in range(1, 4):
        trial.report(0.5 + 0.1 * step - abs(dropout - 0.3) - 0.01 * width, step)
        if trial.number == 3:
            raise optuna.TrialPruned
    if trial.number == 4:
        return math.nan
    return 0.8 - abs(dropout - 0.3) + rate


study = optuna.create_study(study_name="tpe", storage=storage, direction="maximize",
                            sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=20)
least = optuna.create_study(study_name="least", storage=storage, direction="minimize")
for value in (0.75, 0.25, 0.5):
    least.add_trial(optuna.trial.create_trial(value=value))

codes = {TrialState.COMPLETE: 0, TrialState.PRUNED: 1, TrialState.FAIL: 2, TrialState.RUNNING: 3}
trials = study.trials
params = {}
for name in {name for trial in trials for name in trial.params}:
    params[name] = [trial.params.get(name) for trial in trials]
params["kind"] = [CHOICES.index(kind) for kind in params["kind"]]
expected = {
    "best": study.best_trial.number,
    "states": [codes[trial.state] for trial in trials],
    "values": [trial.value for trial in trials],
    "curves": [value for trial in trials for _, value in sorted(trial.intermediate_values.items())],
    "params": params,
}
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump(expected, file)
