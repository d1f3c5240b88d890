"""What listing every architecture costs, as whole processes: the median, and the names that are shown.

    python tests/benchmarks/listing.py [ROUNDS]

Each is timed in turn (A B C … A B C …); a first round, in which files are compiled and cached, is not counted.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

COMMANDS = {
    "zoo list": ("list",),
    "zoo list architectures": ("list", "architectures"),
    "zoo list architectures --json": ("list", "architectures", "--json"),
    "zoo list architectures --search resnet": ("list", "architectures", "--search", "resnet"),
}


def listed(words: tuple[str, ...], home: str) -> tuple[float, str]:
    """Seconds of a command as a process of its own, and what it prints."""
    own = {"ZOO_CACHE": home, "XDG_CONFIG_HOME": home}
    started = time.perf_counter()
    command = [sys.executable, "-c", "from zoo.__main__ import command; command()", *words]
    done = subprocess.run(command, env={**os.environ, **own}, cwd=home, capture_output=True, check=True, text=True)
    return time.perf_counter() - started, done.stdout


def main(rounds: int = 9) -> None:
    """Time and print."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    shown: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as home:
        for turn in range(rounds + 1):
            for name, words in COMMANDS.items():
                seconds, out = listed(words, home)
                shown[name] = len(json.loads(out)) if "--json" in words else out.count("\n")
                if turn:
                    times[name].append(seconds)
    for name, each in times.items():
        lines = "names" if name.endswith("--json") else "lines"
        print(f"{name:42}{statistics.median(each):7.3f} s, {shown[name]} {lines}, of {rounds}")  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
