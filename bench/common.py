"""What the benchmarks share: how they start and end, and how they say what they found."""

import argparse
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

SERVER_CORE, CLIENT_CORE = 0, 1


class Unable(RuntimeError):
    """The benchmark can't run here; the message says what to do."""


def run(main: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser) -> None:
    """Run a benchmark so that whatever ends it, all that it started is ended too."""
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
            raise Unable("benchmarks need Linux and two cores")
        main(options)
    except (Unable, OSError) as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit("bench: stopped")


def require_program(name: str, package: str) -> str:
    """Where ``name`` is; servers stand in a folder that is not on everyone's path."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        raise Unable(f"{name} is needed. On Debian or Ubuntu: apt install {package}")
    return found


def allow_files(count: int) -> None:
    """Let this process and those that it starts open so many files."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(count, most), max(count, most)))
    except (ValueError, OSError):
        raise Unable(f"{count} open files are needed, {most} allowed: see ulimit -Hn") from None


def say(text: str) -> None:
    print(text, flush=True)


def say_heading(name: str) -> None:
    """The command, the machine and the date, without which figures mean nothing."""
    command = " ".join(["python3 dev.py bench", name, *sys.argv[1:]])
    say(f"`{command}`  \n{machine()}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n")


def machine() -> str:
    about = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(": ")[1] for line in about if line.startswith("model name")), "?")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores ({model}), {pages / 2**30:.0f} GB, Linux {platform.release()}, "
        f"Python {platform.python_version()}; load average at the start {load:.1f}"
    )


def say_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table in Markdown; all but the first column are numbers."""
    lines = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    for line in (lines[0], rule, *lines[1:]):
        first, *others = zip(line, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]
        say("| " + " | ".join(cells) + " |")
    say("")


class Targets:
    """What was aimed at, and whether it was met."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, str, str]] = []

    def at_least(self, name: str, least: float, value: float, unit: str = "") -> None:
        self._add(name, f"≥ {least:g}{unit}", value >= least, value, unit)

    def at_most(self, name: str, most: float, value: float, unit: str = "") -> None:
        self._add(name, f"≤ {most:g}{unit}", value <= most, value, unit)

    def say(self) -> None:
        say_table(("target", "", "seen"), self._rows)

    def _add(self, name: str, aim: str, is_met: bool, value: float, unit: str) -> None:
        verdict = "met" if is_met else "**missed**"
        self._rows.append((f"{name} {aim}", verdict, f"{value:.3g}{unit}"))


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest of ``values`` that so many percent of them do not exceed."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"


def on_core(core: int, *command: str) -> list[str]:
    """``command`` on one core; it gets a SIGTERM should this process die."""
    for program in ("taskset", "setpriv"):
        require_program(program, "util-linux")
    return ["setpriv", "--pdeathsig", "TERM", "taskset", "-c", str(core), *command]


def end(process: "subprocess.Popen[bytes]", patience_seconds: float = 40) -> None:
    """End what we started, and what it started."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
