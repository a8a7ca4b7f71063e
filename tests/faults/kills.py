#!/usr/bin/env python3
"""Kills searches and trainings (kill -9) at random moments, and lets the same command go on, until it ends.

  kills.py PROGRAM [--kills N] [--seed S] [--work search|train] [--minutes M]

While a run lives, what it has acknowledged (the trials that a reader of the study sees as ended; the epochs of the
checkpoint) is kept in a file outside of its reach, as RocksDB's db_stress does; after each kill all of that must be
there, unchanged and once, and at the end the result must be that of a run that nobody disturbed, to the last bit.
Exit code 1 where it is not; the folder is then kept and named."""
import argparse
import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import common

# Of one run. A machine may be so busy that a run is killed before it has gone on, again and again.
MAX_KILLS = 20


class Expected:
    """What has been acknowledged: in a file, so that it survives whoever is killed."""

    def __init__(self, path):
        self.path = path
        self.value = None

    def keep(self, value):
        if value == self.value or not value:
            return
        self.value = value
        self.path.write_text(json.dumps(value))

    def read(self, nothing):
        if not self.path.exists():
            return nothing
        value = json.loads(self.path.read_text())
        return {int(number): trial for number, trial in value.items()} if isinstance(value, dict) else value


def run_and_kill(work, folder, expected, seconds):
    """Starts the work and kills it after so many seconds, unless it ends before. True where it was killed."""
    with open(folder / "log", "ab") as log, subprocess.Popen(work.command(folder), cwd=folder, stdout=log,
                                                             stderr=log) as process:
        end = time.monotonic() + seconds
        while time.monotonic() < end and process.poll() is None:
            expected.keep(work.acknowledged(folder))
            time.sleep(min(0.01, max(0, end - time.monotonic())))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        if process.returncode not in (0, -signal.SIGKILL):
            raise common.Finding(f"expected success, got exit code {process.returncode}: {(folder / 'log').read_text()}")
        return process.returncode != 0


def one_round(work, folder, undisturbed, duration, generator, kills_left):
    """From nothing to the end, with kills on the way; how many."""
    expected = Expected(folder / "expected.json")
    nothing = work.kept(folder)
    kills = 0
    while True:
        # At times at once, at times at the start; a third of a run in the main, so that most are killed several times.
        seconds = generator.choice([0.05, duration / 8, duration / 3, duration]) * generator.random()
        if kills >= kills_left or not run_and_kill(work, folder, expected, seconds):
            break
        kills += 1
        work.check(folder, expected.read(nothing))
    code, output, errors = common.run(work.command(folder), folder)
    if code != 0:
        raise common.Finding(f"expected the same command to go on, got exit code {code}: {output}{errors}")
    text = common.difference(undisturbed, work.result(folder))
    if text:
        raise common.Finding(f"after {kills} kills: {text}")
    return kills


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", choices=["search", "train"])
    parser.add_argument("--minutes", type=float, default=0, help="end after so many, whatever --kills says")
    options = parser.parse_args()
    program = str(pathlib.Path(options.program).resolve())
    root = pathlib.Path(tempfile.mkdtemp(prefix="murmur-kills-"))
    data = root / "data"
    data.mkdir()
    common.write_dataset(data)
    works = [common.Search(program, data), common.Training(program, data)]
    works = [work for work in works if options.work in (None, work.name)]
    generator = random.Random(options.seed)
    end = time.monotonic() + 60 * options.minutes if options.minutes > 0 else float("inf")
    references = []
    for work in works:
        folder = root / f"undisturbed-{work.name}"
        folder.mkdir()
        begin = time.monotonic()
        references.append((work, common.run_undisturbed(work, folder), time.monotonic() - begin))
    kills, rounds = {work.name: 0 for work in works}, {work.name: 0 for work in works}
    while sum(kills.values()) < options.kills and time.monotonic() < end:
        work, undisturbed, duration = references[sum(rounds.values()) % len(references)]
        folder = root / f"round-{sum(rounds.values())}"
        folder.mkdir()
        try:
            most = min(options.kills - sum(kills.values()), max(1, options.kills // len(works)), MAX_KILLS)
            kills[work.name] += one_round(work, folder, undisturbed, duration, generator, most)
        except common.Finding as finding:
            print(f"{work.name}: {finding}\nseed {options.seed}; what is left of it: {folder}", file=sys.stderr)
            return 1
        rounds[work.name] += 1
        shutil.rmtree(folder)
    shutil.rmtree(root)
    for work in works:
        print(f"{work.name}: {kills[work.name]} kills in {rounds[work.name]} runs, nothing lost, nothing twice, "
              "each ended as if undisturbed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
