#!/usr/bin/env python3
"""clang-tidy on the host code of a build, several files at a time.

    scripts/tidy.py [--build build/asan] [PATH...]      default: all folders of the program and its libraries

Most of the time of clang-tidy goes into the headers, the same ones for each file. So files of one folder are read as one,
as long as the names in their unnamed namespaces differ; where a group does not compile for such a reason all the same, its
files are checked one by one. Exits with 1 where there is a finding.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ["app", "data", "distributed", "engine", "kernels", "layers", "preview", "pso", "techniques"]
MOST_FILES = 10  # of a group: beyond, what is saved is little, and the last group would be waited for


def commands(build):
    """The command of each file, without what names the file, its output and a precompiled header."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = os.path.relpath(entry["file"], ROOT)
        if not path.endswith(".cpp") or path.split("/")[0] not in FOLDERS or "/cuda/" in path:
            continue
        words, kept = shlex.split(entry["command"]), []
        skip = 0
        for i, word in enumerate(words):
            if skip:
                skip -= 1
            elif word in ("-o", "-c", "-MT", "-MF"):
                skip = 1
            elif word == "-Xclang" and "pch" in words[i + 1]:
                # -Xclang -include-pch -Xclang FILE, -Xclang -include -Xclang HEADER
                skip = 3 if words[i + 1] in ("-include-pch", "-include") else 1
            elif word == "-Xclang" and words[i + 1] == "-include":
                skip = 3
            elif word not in ("-MD", "-Winvalid-pch", "ccache", entry["file"]):
                kept.append(word)
        found[path] = tuple(kept)
    return found


def local_names(path):
    """What a file declares for itself: a name, and what must be the same where another file has the name, too."""
    names, inside, depth = {}, False, 0
    for line in (ROOT / path).read_text().splitlines():
        alias = re.match(r"(?:using|namespace) (\w+) = .*;", line)
        if line.startswith("namespace {"):
            inside, depth = True, 0
        elif inside and line.startswith("}") and depth == 0:
            inside = False
        elif alias:
            names[alias[1]] = line
        elif inside:
            # The declared name comes first: before its parameters, its value, its body, its base.
            declared = re.search(r"\b([A-Za-z_]\w*)(?: :[^:]| ?[({=;\[])", line)
            if depth == 0 and declared:
                names[declared[1]] = path
            depth += line.count("{") - line.count("}")
    return names


def groups(found):
    """Groups of files with a command in common that have no name in common: (command, names, files)."""
    made = []
    for path, command in sorted(found.items()):
        names = local_names(path)
        for group_command, taken, files in made:
            if (group_command == command and len(files) < MOST_FILES
                    and all(taken.get(name, what) == what for name, what in names.items())):
                taken.update(names)
                files.append(path)
                break
        else:
            made.append((command, names, [path]))
    return made


def check(source, command, extra):
    run = subprocess.run(["clang-tidy-14", "--quiet", *extra, str(source), "--", *command[1:]], cwd=ROOT, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    lines = [line for line in run.stdout.splitlines() if not re.match(r"\d+ warnings?( and \d+ errors?)? generated\.$", line)]
    return run.returncode, "\n".join(lines)


def check_group(number, command, files, made_in):
    if len(files) > 1:
        source = made_in / f"group_{number}.cpp"
        source.write_text("".join(f'#include "{ROOT / path}"\n' for path in files))
        status, text = check(source, command, [f"--config-file={ROOT / '.clang-tidy'}", "--checks=-bugprone-suspicious-include,-readability-redundant-declaration"])
        if "clang-diagnostic-error" not in text:
            return status, text
        print(f"{', '.join(files)}: not as one, one by one", flush=True)
    results = [check(ROOT / path, command, []) for path in files]
    return max(status for status, _ in results), "\n".join(text for _, text in results)


def main():
    parser = argparse.ArgumentParser(description="clang-tidy on the host code of a build")
    parser.add_argument("--build", type=Path, default=ROOT / "build/asan")
    parser.add_argument("paths", nargs="*")
    args = parser.parse_args()
    found = {path: command for path, command in commands(args.build).items()
             if not args.paths or any(path.startswith(start) for start in args.paths)}
    if not found:
        sys.exit(f"expected files of {', '.join(FOLDERS)} in {args.build}/compile_commands.json, got none")
    made_in = args.build / "tidy"
    made_in.mkdir(exist_ok=True)
    made = sorted(groups(found), key=lambda group: -len(group[2]))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = [pool.submit(check_group, i, command, files, made_in)
                   for i, (command, _, files) in enumerate(made)]
        for done in concurrent.futures.as_completed(waiting):
            status, text = done.result()
            failed |= status != 0
            if text.strip():
                print(text, flush=True)
    print(f"clang-tidy: {len(found)} files in {len(made)} groups, {'findings' if failed else 'no finding'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
