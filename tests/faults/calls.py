#!/usr/bin/env python3
"""Makes the n-th call of a search or of a training fail, or kills it there, for n over the whole run.

  calls.py PROGRAM LIBRARY [--each N] [--sample N] [--seed S] [--stacks] [--work search|train] [--call CALL] [--minutes M]

LIBRARY is fail_nth.cpp's. --each: places of each kind of call that are tried, evenly spread (0: all); --sample: of all
that there is to try so many, drawn; --stacks: of allocations the first from each call stack (its eight innermost
frames). Each run must end in success, with the result of one that nobody disturbed, or with one line and an exit code of
the program's own; no temporary file may be left; and the same command must go on to that result. A run begins from
nothing, and from what a kill in its middle has left. Exit code 1 where it is not so."""
import argparse
import pathlib
import random
import shutil
import sys
import tempfile
import time

import common

# What can go wrong with a call: of the first kind a place is tried with each, "+": from there on always.
ACTIONS = {
    "write": ["ENOSPC", "EIO", "short", "tear", "kill", "+ENOSPC"],
    "sync": ["EIO", "kill", "+ENOSPC"],
    "open": ["EMFILE", "EACCES", "+EMFILE"],
    "rename": ["EIO", "kill"],
    "truncate": ["EIO", "kill"],
    "unlink": ["EACCES", "kill"],
    "read": ["EIO", "+EIO"],
    "map": ["ENOMEM"],
    "thread": ["EAGAIN"],
    # Not all of them from there on: where no byte can be had any more, C++ itself ends a program.
    "memory": ["ENOMEM"],
    "large": ["ENOMEM", "+ENOMEM"],
}
PROGRAMS_CODES = (1, 2, 3, 4)


def counts_of(path):
    return {name: int(count) for name, count in (line.split() for line in path.read_text().splitlines())}


def places(total, each):
    """1 to total, all or so many, the first and the last among them."""
    if each == 0 or total <= each:
        return range(1, total + 1)
    if each == 1:
        return [(total + 1) // 2]
    return sorted({1 + round(i * (total - 1) / (each - 1)) for i in range(each)})


def check_run(work, folder, undisturbed, fault, library):
    """One run with a fault, and what follows; in words what it came to."""
    killed = fault.endswith(("kill", "tear"))
    kept, temporary = work.kept(folder), common.temporary_files(folder)
    code, output, errors = common.run(work.command(folder), folder, {"MURMUR_FAULT": fault, "LD_PRELOAD": library})
    work.check(folder, kept)
    if killed:
        if code not in (0, -9):
            raise common.Finding(f"expected a kill, got exit code {code}: {output}{errors}")
    elif code == 0:
        text = common.difference(undisturbed, work.result(folder))
        if text:
            raise common.Finding(f"succeeded, but {text}")
    else:
        lines = errors.splitlines()
        if code not in PROGRAMS_CODES or len(lines) != 1 or not lines[0].startswith("murmur: "):
            raise common.Finding(f"expected one line and an exit code of 1 to 4, got {code}: {output}{errors}")
    left = [name for name in common.temporary_files(folder) if name not in temporary]
    if left and not killed and not fault.startswith("unlink"):
        raise common.Finding(f"expected no temporary files, got {left}")
    kept = work.kept(folder)
    again, output, errors = common.run(work.command(folder), folder)
    if again != 0:
        raise common.Finding(f"expected the same command to go on, got exit code {again}: {output}{errors}")
    work.check(folder, kept)
    text = common.difference(undisturbed, work.result(folder))
    if text:
        raise common.Finding(f"went on, but {text}")
    return "killed" if code == -9 else "went on" if code == 0 else "refused"


def start_from(state, folder):
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(state, folder)


def prepare(work, root, library):
    """What faults are tried on: {name: (folder that a run begins from, how many calls of each kind it then makes, the first
    allocation from each call stack that the states before do not have)}, and the result of an undisturbed run."""
    undisturbed_folder = root / f"{work.name}-undisturbed"
    undisturbed_folder.mkdir()
    undisturbed = common.run_undisturbed(work, undisturbed_folder)
    nothing, half, folder = (root / f"{work.name}-{name}" for name in ("nothing", "half", "run"))
    nothing.mkdir()

    stacks_so_far = set()

    def calls_from(state):
        start_from(state, folder)
        files = {"MURMUR_FAULT_COUNTS": str(root / "counts"), "MURMUR_FAULT_STACKS": str(root / "stacks")}
        common.run(work.command(folder), folder, {"LD_PRELOAD": library} | files)
        stacks = [line.split() for line in (root / "stacks").read_text().splitlines()]
        firsts = [int(place) for place, stack in stacks if stack not in stacks_so_far]
        stacks_so_far.update(stack for _, stack in stacks)
        return counts_of(root / "counts"), firsts

    counts, firsts = calls_from(nothing)
    # What a kill in its middle has left.
    start_from(nothing, folder)
    fault = f"write:{counts['write'] // 2}:kill"
    common.run(work.command(folder), folder, {"LD_PRELOAD": library, "MURMUR_FAULT": fault})
    folder.rename(half)
    return {"nothing": (nothing, counts, firsts), "half": (half, *calls_from(half))}, undisturbed


def fault_of(call, place, action):
    return f"{call}:{place}{'+' if action[0] == '+' else ''}:{action.lstrip('+')}"


def faults_of(states, options):
    """What is tried: (state, call, fault in words). Of a sample each kind of call is as likely as another, however often
    it is made."""
    calls = [call for call in ACTIONS if options.call in (None, call)]
    if options.sample > 0:
        generator = random.Random(options.seed)
        kinds = [(name, call) for name, (_, counts, _) in states.items() for call in calls if counts[call] > 0]
        drawn = [generator.choice(kinds) for _ in range(options.sample)]
        return [(name, call, fault_of(call, generator.randint(1, states[name][1][call]), generator.choice(ACTIONS[call])))
                for name, call in drawn]
    return [(name, call, fault_of(call, place, action)) for name, (_, counts, firsts) in states.items() for call in calls
            for place in (firsts if options.stacks and call == "memory" else places(counts[call], options.each))
            for action in ACTIONS[call]]


def walk(work, root, library, options, end):
    """All faults of one kind of work; (runs by what they came to, findings)."""
    states, undisturbed = prepare(work, root, library)
    tries = faults_of(states, options)
    folder = root / f"{work.name}-run"
    outcomes, findings = {}, []
    for name, call, fault in tries:
        if time.monotonic() > end:
            break
        start_from(states[name][0], folder)
        try:
            outcome = check_run(work, folder, undisturbed, fault, library)
        except common.Finding as finding:
            findings.append(f"{work.name} {fault} from {name}: {finding}")
            print(findings[-1], file=sys.stderr, flush=True)
            outcome = "finding"
        outcomes[call, outcome] = outcomes.get((call, outcome), 0) + 1
    for name, (_, counts, firsts) in states.items():
        print(f"{work.name} from {name}: " + ", ".join(f"{count} {call}" for call, count in counts.items())
              + f", {len(firsts)} new call stacks of memory")
    return outcomes, findings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("library")
    parser.add_argument("--each", type=int, default=0)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--stacks", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", choices=["search", "train"])
    parser.add_argument("--call", choices=sorted(ACTIONS))
    parser.add_argument("--minutes", type=float, default=0, help="end after so many")
    options = parser.parse_args()
    program = str(pathlib.Path(options.program).resolve())
    library = str(pathlib.Path(options.library).resolve())
    end = time.monotonic() + 60 * options.minutes if options.minutes > 0 else float("inf")
    with tempfile.TemporaryDirectory(prefix="murmur-calls-") as folder:
        root = pathlib.Path(folder)
        data = root / "data"
        data.mkdir()
        common.write_dataset(data)
        works = [common.Search(program, data, trials=6, epochs=1), common.Training(program, data, epochs=4)]
        all_findings = []
        for work in works:
            if options.work not in (None, work.name):
                continue
            outcomes, findings = walk(work, root, library, options, end)
            all_findings += findings
            print(f"{'':8} {'call':10} {'refused':>8} {'went on':>8} {'killed':>8} {'findings':>8}")
            for call in ACTIONS:
                row = [outcomes.get((call, outcome), 0) for outcome in ("refused", "went on", "killed", "finding")]
                print(f"{work.name:8} {call:10} {row[0]:8} {row[1]:8} {row[2]:8} {row[3]:8}")
    return 1 if all_findings else 0


if __name__ == "__main__":
    sys.exit(main())
