"""What failing plugins cost each command beside a healthy one, and what a hundred of ten components cost `zoo list`.

    python tests/benchmarks/plugins.py [ROUNDS]

Makes an environment of its own that borrows this one's libraries, writes packages into it as an installer would,
one at a time, and times `zoo list`, `zoo run simple_cnn digits --epochs 1` and `zoo plugins uninstall` as whole
processes, in turn (A B C … A B C …). Prints, for each failure, the median of the differences from the healthy plugin of
the same turn.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

HEAD = "from zoo.plugin import *\n"
LOSS = "@hookimpl\ndef zoo_losses():\n    yield Loss('a', 'nowhere:A', summary='A loss')\n"
END = "@hookimpl\ndef zoo_run_end(run):\n    "
FOREVER = "import threading\ndef forever():\n    threading.Event().wait()\n"
PLUGINS = {
    "healthy": HEAD + LOSS + END + "pass\n",
    "import error": HEAD + LOSS + "raise RuntimeError('at import')\n",
    "missing dependency": HEAD + LOSS + "import not_there_at_all\n",
    "misspelt hook": HEAD + LOSS + "@hookimpl\ndef zoo_loses():\n    return []\n",
    "unknown argument": HEAD + LOSS + "@hookimpl\ndef zoo_run_start(registry):\n    pass\n",
    "default on an argument": HEAD + LOSS + "@hookimpl\ndef zoo_run_start(run=None):\n    pass\n",
    "wrapper": HEAD + "@hookimpl(wrapper=True)\ndef zoo_losses():\n    return (yield)\n",
    "wrong type": HEAD + LOSS + "@hookimpl\ndef zoo_metrics():\n    yield 'accuracy'\n",
    "duplicate name": HEAD + LOSS + LOSS[LOSS.index("    ") :],
    "halfway": HEAD + LOSS + "    raise KeyError('half')\n",
    "for another zoo": HEAD + LOSS,
    "two distributions": HEAD + LOSS,
    "hook raises": HEAD + LOSS + END + "raise OSError('away')\n",
    "hook hangs": HEAD + LOSS + FOREVER + END + "forever()\n",
    "thread at exit": HEAD + LOSS + FOREVER + "threading.Thread(target=forever).start()\n",
    "atexit hangs": HEAD + LOSS + FOREVER + "import atexit\natexit.register(forever)\n",
}
KINDS = ("Loss", "Metric", "Architecture", "Dataset", "Augmentation")
HOOKS = ("zoo_losses", "zoo_metrics", "zoo_architectures", "zoo_datasets", "zoo_augmentations")
MANY = HEAD + "".join(
    f"@hookimpl\ndef {hook}():\n    for i in (1, 2):\n"
    f"        yield {kind}(f'{kind.lower()}_{{__name__}}_{{i}}', 'nowhere:A', summary='One of a thousand')\n"
    for kind, hook in zip(KINDS, HOOKS, strict=True)
)
COMMANDS = {
    "list": ("list",),
    "run": ("run", "simple_cnn", "digits", "--epochs", "1", "--name", "r", "--overwrite"),
    "uninstall": ("plugins", "uninstall", "zoo-acme"),
}


class Site:
    """An environment with this one's libraries, and packages written into it."""

    def __init__(self, home: Path):
        self.home = home
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / "env"], check=True)
        self.python = home / "env" / "bin" / "python"
        (self.packages,) = (home / "env").glob("lib/python3*/site-packages")
        (self.packages / "lent.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")

    def install(self, distribution: str, source: str, plugin: str, requires: str = "visionzoo>=0.1") -> None:
        """Write a plugin's module and metadata, as its wheel would."""
        module = distribution.replace("-", "_")
        info = self.packages / f"{module}-1.0.dist-info"
        files = {
            self.packages / f"{module}.py": source,
            info
            / "METADATA": f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\nRequires-Dist: {requires}\n\n"
            + "A description.\n" * 200,
            info / "entry_points.txt": f"[zoo.plugins]\n{plugin} = {module}\n",
            info / "INSTALLER": "pip\n",
        }
        info.mkdir(parents=True)
        for path, text in files.items():
            path.write_text(text)
        (info / "RECORD").write_text("".join(f"{p.relative_to(self.packages)},,\n" for p in [*files, info / "RECORD"]))

    def remove(self, distribution: str) -> None:
        """Take what is left of it out."""
        for path in self.packages.glob(distribution.replace("-", "_") + "*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def seconds(self, *words: str) -> float:
        """A command, as a whole process."""
        own = {"ZOO_CACHE": str(self.home / "cache"), "XDG_CONFIG_HOME": str(self.home), "ZOO_OFFLINE": "1"}
        started = time.perf_counter()
        command = [self.python, "-c", "from zoo.__main__ import command; command()", *words]
        subprocess.run(command, env={**os.environ, **own}, cwd=self.home, capture_output=True, check=True)
        return time.perf_counter() - started


def failing(site: Site, rounds: int) -> None:
    """Time each command beside each plugin, and print."""
    times: dict[tuple[str, str], list[float]] = {(what, name): [] for what in PLUGINS for name in COMMANDS}
    for turn in range(rounds + 1):
        for what, source in PLUGINS.items():
            # A name for each, for what hung once is known by its name.
            name = f"acme{list(PLUGINS).index(what)}"
            site.install("zoo-acme", source, name, "visionzoo>=99" if what == "for another zoo" else "visionzoo>=0.1")
            if what == "two distributions":
                site.install("zoo-other", source, name)
            if what in ("hook hangs", "thread at exit", "atexit hangs"):
                keep = site.packages / "zoo_acme.py"
                os.utime(keep, (1, 1))  # the same file as in the turn before: what hung once is known
            for command, words in COMMANDS.items():
                taken = site.seconds(*words)
                if turn:  # the first compiles, decodes, and waits once for what hangs
                    times[what, command].append(taken)
                elif command == "run":
                    print(f"the first time: {what}: {taken:.1f} s", flush=True)  # noqa: T201
            site.remove("zoo-acme")
            site.remove("zoo-other")
    print("healthy: " + ", ".join(f"{name} {statistics.median(times['healthy', name]):.3f}" for name in COMMANDS))  # noqa: T201
    for what in PLUGINS:
        more = {
            name: statistics.median(t - h for t, h in zip(times[what, name], times["healthy", name], strict=True))
            for name in COMMANDS
        }
        print(f"{what:24}" + "  ".join(f"{name} {seconds:+.3f}" for name, seconds in more.items()), flush=True)  # noqa: T201


def many(site: Site, rounds: int) -> None:
    """Time `zoo list` with a hundred plugins, and print."""
    alone = [site.seconds("list") for _ in range(rounds)]
    for i in range(100):
        site.install(f"zoo-many{i:02}", MANY, f"many{i:02}")
    site.seconds("list")
    together = [site.seconds("list") for _ in range(rounds)]
    print(f"list: none {statistics.median(alone):.3f}, a hundred plugins {statistics.median(together):.3f}")  # noqa: T201


def main(rounds: int = 5) -> None:
    """Everything."""
    with tempfile.TemporaryDirectory() as home:
        site = Site(Path(home))
        failing(site, rounds)
        many(site, rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
