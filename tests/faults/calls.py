#!/usr/bin/env python3
"""Makes the n-th call of a search or of a training fail, or kills it there, for n over the whole run.

  calls.py PROGRAM LIBRARY [--each N] [--work search|train] [--call CALL] [--minutes M]

LIBRARY is fail_nth.cpp's. --each: places of each kind of call that are tried, evenly spread (0: all). Each run must end
in success, with the result of one that nobody disturbed, or with one line and an exit code of the program's own; no
temporary file may be left; and the same command must go on to that result. A run begins from nothing, and from what a
kill in its middle has left. Exit code 1 where it is not so."""
import argparse
import pathlib
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
    "memory": ["ENOMEM", "+ENOMEM"],
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


def walk(work, root, library, options, end):
    """All faults of one kind of work; (runs by what they came to, findings)."""
    undisturbed_folder = root / f"{work.name}-undisturbed"
    undisturbed_folder.mkdir()
    undisturbed = common.run_undisturbed(work, undisturbed_folder)
    nothing = root / f"{work.name}-nothing"
    nothing.mkdir()
    folder = root / f"{work.name}-run"
    # What a kill in its middle has left.
    half = root / f"{work.name}-half"
    start_from(nothing, folder)
    probe = {"LD_PRELOAD": library, "MURMUR_FAULT_COUNTS": str(root / "counts")}
    common.run(work.command(folder), folder, probe)
    writes = counts_of(root / "counts")["write"]
    start_from(nothing, folder)
    common.run(work.command(folder), folder, {"LD_PRELOAD": library, "MURMUR_FAULT": f"write:{writes // 2}:kill"})
    folder.rename(half)
    outcomes, findings = {}, []
    for state in (nothing, half):
        start_from(state, folder)
        common.run(work.command(folder), folder, probe)
        counts = counts_of(root / "counts")
        for call, actions in ACTIONS.items():
            if options.call not in (None, call):
                continue
            done = 0
            for place in places(counts[call], options.each):
                for action in actions if done == 0 or options.each != 1 else actions[:1]:
                    if time.monotonic() > end:
                        return outcomes, findings
                    fault = f"{call}:{place}{'+' if action[0] == '+' else ''}:{action.lstrip('+')}"
                    start_from(state, folder)
                    try:
                        outcome = check_run(work, folder, undisturbed, fault, library)
                    except common.Finding as finding:
                        findings.append(f"{work.name} {fault} from {state.name}: {finding}")
                        print(findings[-1], file=sys.stderr, flush=True)
                        outcome = "finding"
                    key = (call, outcome)
                    outcomes[key] = outcomes.get(key, 0) + 1
                done += 1
            print(f"{work.name} from {state.name}: {call}: {counts[call]} calls, {done} places", flush=True)
    return outcomes, findings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("library")
    parser.add_argument("--each", type=int, default=0)
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
