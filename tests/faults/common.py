"""What the drivers of kills and of failing calls share: data, commands, and what is left of them."""
import json
import os
import pathlib
import shutil
import sqlite3
import struct
import subprocess
import tempfile

TIMEOUT_SECONDS = 1800  # a run takes one, and on a busy machine a hundred; what takes longer hangs


class Finding(Exception):
    """What must not be."""


def write_dataset(folder, count=640, side=4):
    """A data set that can be learned, in the real format: the label's pixel is bright."""
    for part in ("train", "t10k"):
        images, labels = bytearray(), bytearray()
        for i in range(count):
            label = (i * 7 + i // 10) % 10
            image = bytearray([i % 50] * (side * side))
            image[label] = 250
            images += image
            labels.append(label)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, count, side, side) + images)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, count) + labels)


def read_study(path):
    """All that a search has left but when and where, of a copy: opening a study would tidy up its log.
    {"trials": {number: {...}}, "attributes": {...}}; None where there is no file."""
    if not path.exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "study.db"
        for suffix in ("", "-wal"):
            file = path.with_name(path.name + suffix)
            if file.exists():
                shutil.copyfile(file, copy.with_name(copy.name + suffix))
        connection = sqlite3.connect(copy)
        try:
            if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                raise Finding(f"{path}: expected a whole SQLite file")
            return read_tables(connection)
        except sqlite3.Error as error:
            raise Finding(f"{path}: expected a study, got: {error}") from error
        finally:
            connection.close()


def read_tables(connection):
    trials, ids = {}, {}
    for trial_id, number, state in connection.execute("SELECT trial_id, number, state FROM trials ORDER BY trial_id"):
        if number in trials:
            raise Finding(f"expected each trial once, got two with number {number}")
        trials[number] = {"state": state, "values": [], "steps": [], "params": {}, "attributes": {}}
        ids[trial_id] = number
    if sorted(trials) != list(range(len(trials))):
        raise Finding(f"expected trials 0 to {len(trials) - 1}, got {sorted(trials)}")
    rows = lambda query: ((trials[ids[row[0]]], row[1:]) for row in connection.execute(query))
    for trial, (value, kind) in rows("SELECT trial_id, value, value_type FROM trial_values"):
        trial["values"].append([value, kind])
    steps = "SELECT trial_id, step, intermediate_value, intermediate_value_type FROM trial_intermediate_values ORDER BY step"
    for trial, step in rows(steps):
        trial["steps"].append(list(step))
    for trial, (name, value) in rows("SELECT trial_id, param_name, param_value FROM trial_params"):
        trial["params"][name] = value
    for trial, (key, value) in rows('SELECT trial_id, "key", value_json FROM trial_user_attributes'):
        trial["attributes"][key] = value
    attributes = dict(connection.execute('SELECT "key", value_json FROM study_user_attributes'))
    attributes.pop("runs", None)  # when, and by which process
    return {"trials": trials, "attributes": attributes}


def told_of(study):
    """The trials that have ended: what a search has acknowledged."""
    if study is None:
        return {}
    return {number: trial for number, trial in study["trials"].items() if trial["state"] != "RUNNING"}


def told_in_place(path):
    """The same of a study that is being written; nothing where it is not there yet."""
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            with connection:
                connection.execute("BEGIN")
                return told_of(read_tables(connection))
        finally:
            connection.close()
    except sqlite3.Error:
        return {}


def read_header(path):
    """The header of a safetensors file; fails where the file is not whole. None where there is no file."""
    if not path.exists():
        return None
    data = path.read_bytes()
    if len(data) < 8:
        raise Finding(f"{path}: expected a whole file, got {len(data)} bytes")
    size = struct.unpack("<Q", data[:8])[0]
    try:
        header = json.loads(data[8:8 + size])
    except ValueError as error:
        raise Finding(f"{path}: expected a header of JSON: {error}") from error
    end = max((tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"), default=0)
    if 8 + size + end != len(data):
        raise Finding(f"{path}: expected {8 + size + end} bytes, got {len(data)}")
    return header


def temporary_files(folder):
    """What a run may leave only where it is killed."""
    return sorted(p.name for p in folder.iterdir() if ".new-" in p.name or p.name.endswith(".tmp"))


class Search:
    """A search to its verdict, in a folder of its own."""
    name = "search"

    def __init__(self, program, data, trials=12, epochs=2):
        self.words = [program, "search", "--device", "cpu", "--threads", "2", "--micro-batch", "32", "--data", str(data),
                      "--study", "s.db", "--particles", "4", "--slots", "3", "--trials", str(trials), "--epochs",
                      str(epochs), "--repeats", "2", "--confirm", "3", "--seed", "5", "--patience", "100",
                      "--abort-below", "0", "--quiet", "--json", "s.json"]

    def command(self, folder):
        del folder
        return self.words

    def result(self, folder):
        """What must be the same, however often it was interrupted."""
        report = json.loads((folder / "s.json").read_text())
        return {"study": read_study(folder / "s.db"), "verdict": report["verdict"], "rows": report["rows"],
                "confirmation": report["confirmation"]}

    def acknowledged(self, folder):
        return told_in_place(folder / "s.db")

    def kept(self, folder):
        """The same when nobody writes it."""
        return told_of(read_study(folder / "s.db"))

    def check(self, folder, acknowledged):
        """What was acknowledged is there, the same, and once; nothing else is damaged."""
        study = read_study(folder / "s.db")
        told = told_of(study)
        for number, trial in acknowledged.items():
            if told.get(number) != trial:
                raise Finding(f"trial {number}: expected {trial}, got {told.get(number)}")
        seeds = [trial["attributes"].get("seed") for trial in (study or {"trials": {}})["trials"].values()]
        if len(set(seeds)) != len(seeds):
            raise Finding(f"expected each seed once, got {seeds}")


class Training:
    """A training with checkpoints after every epoch, and its weights at the end."""
    name = "train"

    def __init__(self, program, data, epochs=12):
        self.program = program
        self.words = ["--device", "cpu", "--threads", "2", "--micro-batch", "32", "--data", str(data), "--networks", "2",
                      "--epochs", str(epochs), "--seed", "3", "--set", "dropout=0.1", "--set", "optimizer=adam"]

    def command(self, folder):
        ends = ["--checkpoint", "c.st", "--save", "w.st", "--json", "t.json", "--quiet"]
        if (folder / "c.st").exists():
            return [self.program, "train", "--resume", "c.st", "--data", self.words[7], "--device", "cpu", "--threads",
                    "2"] + ends
        return [self.program, "train"] + self.words + ends

    def result(self, folder):
        report = json.loads((folder / "t.json").read_text())
        return {"weights": (folder / "w.st").read_bytes(), "networks": report["networks"],
                "checkpoint": (folder / "c.st").read_bytes()}

    def acknowledged(self, folder):
        """The epochs of the last checkpoint; its names appear at once, so that it may be read at any time."""
        header = read_header(folder / "c.st")
        return 0 if header is None else int(header["__metadata__"]["epochs"])

    kept = acknowledged

    def check(self, folder, acknowledged):
        epochs = self.acknowledged(folder)
        if epochs < acknowledged:
            raise Finding(f"expected a checkpoint of {acknowledged} epochs, got one of {epochs}")
        read_header(folder / "w.st")


def run(command, folder, environment=None):
    """Runs to the end: (exit code, negative after a signal; standard output; standard error)."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=TIMEOUT_SECONDS, check=False,
                              env={**os.environ, **(environment or {})})
    except subprocess.TimeoutExpired as error:
        raise Finding(f"expected an end within {TIMEOUT_SECONDS} s, got none") from error
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def run_undisturbed(work, folder):
    code, output, errors = run(work.command(folder), folder)
    if code != 0:
        raise SystemExit(f"{work.name}: expected it to run undisturbed, got exit code {code}: {output}{errors}")
    return work.result(folder)


def difference(expected, got, where=""):
    """The first place in which two results differ, in words; empty where they do not."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted(set(expected) | set(got), key=str):
            text = difference(expected.get(key), got.get(key), f"{where}/{key}")
            if text:
                return text
        return ""
    if expected == got:
        return ""
    return f"{where}: expected {str(expected)[:200]}, got {str(got)[:200]}"
