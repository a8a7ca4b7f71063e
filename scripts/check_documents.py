#!/usr/bin/env python3
"""Says what is no longer true in the documents: commands that the program refuses, options and files that are not there.

    scripts/check_documents.py PROGRAM [DOCUMENT…]

Of every command in a block of code: its files exist and its options are known; a training or a search that needs nothing
but data is also begun, as a dry run on a small data set. Of every link: its file and its heading exist.
"""
import argparse
import itertools
import os
import pathlib
import re
import shlex
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)\s#]*)(#[^)\s]+)?\)")
OPTION = re.compile(r"--[a-z][a-z0-9_-]*")
# A command with one of these reads a file that another command has to make first, or is only the beginning of one.
NEEDS_MORE = {"--from", "--resume", "--init", "--start", "--config", "--image-size", "..."}
MPI = re.compile(r"^(mpirun|srun) .*?(?=murmur )")


def commands(text):
    """(line, command) of each line of code, those that end in a backslash with the next ones"""
    lines = iter(enumerate(text.splitlines(), 1))
    fenced = False
    for number, line in lines:
        if line.lstrip().startswith("```"):
            fenced = not fenced
            continue
        if not fenced and not line.startswith("    "):
            continue
        while line.endswith("\\"):
            line = line[:-1] + next(lines)[1]
        for part in line.split(" && "):
            yield number, MPI.sub("", part.strip())


def words_of(command):
    """The words of a shell's command up to a pipe or a comment; none where it is something else"""
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        return []
    return list(itertools.takewhile(lambda word: word not in ("|", ">", ";"), words))


def write_data(folder):
    """28 x 28 pixels, 200 images, ten classes, in the real format"""
    for part in ("train", "t10k"):
        pixels = bytes((i * 7 + j) % 251 for i in range(200) for j in range(784))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, 200, 28, 28) + pixels)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, 200) + bytes(i % 10 for i in range(200)))


class Program:
    """What `murmur` takes"""

    def __init__(self, path, data):
        self.path, self.data, self.helps, self.num_commands, self.num_dry_runs = path, data, {}, 0, 0

    def run(self, words):
        return subprocess.run([self.path, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.data)

    def options(self, command):
        if command not in self.helps:
            result = self.run([command, "--help"])
            self.helps[command] = set(OPTION.findall(result.stdout)) if result.returncode == 0 else None
        return self.helps[command]

    def complaints(self, words):
        self.num_commands += 1
        if words[0].startswith("--"):
            known, given = set(OPTION.findall(self.run(["--help"]).stdout)), words
        else:
            known, given = self.options(words[0]), words[1:]
        if known is None:
            yield f"expected a command of murmur, got '{words[0]}'"
            return
        for word in given:
            if word.startswith("--") and word.split("=")[0] not in known:
                yield f"expected an option of murmur {words[0]}, got '{word}'"
        if words[0] in ("train", "search") and not NEEDS_MORE & set(words):
            yield from self.refusals(words)

    def refusals(self, words):
        """What a dry run of it says"""
        self.num_dry_runs += 1
        for option in ("--dataset", "--data", "--device", "--save", "--json", "--network"):
            if option in words:
                at = words.index(option)
                words = words[:at] + words[at + 2:]
        words = ["a.db" if "$" in word else "1" if word in ("SEED", "N") else word for word in words if word != "OPTIONS"]
        few = ["--networks", "1"] if words[0] == "train" else ["--slots", "1"]
        result = self.run([*words, *few, "--data", self.data, "--device", "cpu", "--dry-run", "--quiet"])
        if result.returncode != 0:
            yield f"expected it to be taken, got '{result.stdout.strip()}'"


def tool_complaints(words):
    """Of a script, or of a program of bench/"""
    words = words[1:] if words[0] == "python3" else words
    name = words[0]
    if "/bench_" in name or name.startswith("bench_"):
        source = "".join(path.read_text() for path in sorted((ROOT / "bench").glob("*.?pp")))
    elif name.startswith(("scripts/", "bench/")):
        if not (ROOT / name).exists():
            yield f"expected a file of this repository, got '{name}'"
            return
        source = (ROOT / name).read_text()
        if name.startswith("bench/peers/"):
            source += (ROOT / "bench/peers/budget.py").read_text() + (ROOT / "bench/peers/pack.py").read_text()
    else:
        return
    for word in words[1:]:
        option = word.split("=")[0]
        if option.startswith("--") and not option.startswith("--benchmark_") and option not in source:
            yield f"expected an option of {name}, got '{option}'"


def anchors(text):
    """GitHub's names of a document's headings"""
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        yield "#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def link_complaints(document, text):
    for match in LINK.finditer(text):
        path, anchor = match.groups()
        if "://" in match[0] or path.startswith("mailto:"):
            continue
        number = text.count("\n", 0, match.start()) + 1
        target = document.parent / path if path else document
        if not target.exists():
            yield number, f"expected a file, got '{path}'"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text()):
            yield number, f"expected a heading of {path or 'this page'}, got '{anchor}'"


def complaints(document, program):
    text = document.read_text()
    yield from link_complaints(document, text)
    for number, command in commands(text):
        words = words_of(command)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words = words[1:]
        if len(words) > 1:
            found = program.complaints(words[1:]) if words[0] == "murmur" else tool_complaints(words)
            yield from ((number, f"{text}: {' '.join(words)}") for text in found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="murmur")
    parser.add_argument("documents", nargs="*", type=pathlib.Path, help="all there are, where none is named")
    options = parser.parse_args()
    documents = options.documents or [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        write_data(pathlib.Path(folder))
        program = Program(os.path.abspath(options.program), folder)
        for document in documents:
            for number, complaint in complaints(document, program):
                print(f"{os.path.relpath(document)}:{number}: {complaint}")
                failed += 1
    print(f"{len(documents)} documents, {program.num_commands} commands of murmur, {program.num_dry_runs} of them begun: {failed} complaints")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
