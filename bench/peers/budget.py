"""A benchmark's time: what runs is shown on standard error, and nothing runs past --minutes; and how it ends."""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time

SECONDS_BETWEEN_LINES = 15  # where standard error is no terminal


class OutOfTime(Exception):
    """There is no time left for what was to be run."""


def duration(seconds):
    return f"{int(seconds) // 60}m {int(seconds) % 60:02}s"


class Budget:
    """minutes: of the whole benchmark; 0: no limit."""

    def __init__(self, minutes):
        self.begin = time.monotonic()
        self.limit = 60 * minutes if minutes > 0 else None
        self.last_shown = -SECONDS_BETWEEN_LINES
        self.last_width = 0

    def elapsed(self):
        return time.monotonic() - self.begin

    def has_room_for(self, seconds):
        return self.limit is None or self.elapsed() + seconds <= self.limit

    def show(self, text, final=False):
        """A line that is rewritten on a terminal; elsewhere a line now and then."""
        line = f"[{duration(self.elapsed())}] {text}"
        if sys.stderr.isatty():
            print("\r" + line[:78].ljust(self.last_width), end="\n" if final else "", file=sys.stderr, flush=True)
            self.last_width = 0 if final else min(len(line), 78)
        elif final or self.elapsed() - self.last_shown >= SECONDS_BETWEEN_LINES:
            print(line, file=sys.stderr, flush=True)
            self.last_shown = self.elapsed()

    def check(self, label):
        if not self.has_room_for(0):
            raise OutOfTime(f"{label}: the time is over")

    def run(self, command, label):
        """Runs a program without its output. Raises OutOfTime, the program ended, where the time is over before it."""
        begin = time.monotonic()
        # A session of its own, because a program may have processes, which must end with it, however this one ends.
        with tempfile.TemporaryFile() as errors, subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True
        ) as process:
            try:
                self.wait(process, label, begin)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
            if process.returncode != 0:
                errors.seek(0)
                print(errors.read().decode(errors="replace"), file=sys.stderr)
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, command)
        self.show(f"{label}: done in {duration(time.monotonic() - begin)}", final=True)

    def wait(self, process, label, begin):
        while process.poll() is None:
            self.show(f"{label}: {duration(time.monotonic() - begin)}")
            try:
                process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                if not self.has_room_for(0):
                    raise OutOfTime(f"{label}: the time is over after {duration(time.monotonic() - begin)}") from None


def add_option(parser):
    parser.add_argument("--minutes", type=float, default=0, help="end within so many minutes (0: no limit)")


def exit_status(benchmark):
    """The exit status of a benchmark: of a program that failed under it, its status and one line; 130 after Ctrl-C."""
    name = os.path.basename(sys.argv[0])
    try:
        return benchmark()
    except subprocess.CalledProcessError as error:
        print(f"{name}: expected exit status 0, got {error.returncode}: {shlex.join(error.cmd)}", file=sys.stderr)
        return error.returncode if error.returncode > 0 else 1
    except OSError as error:
        what = error.filename or "a program under it"
        print(f"{name}: {what}: {error.strerror} (--help says what is needed)", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
