"""What plugins cost at start: failing ones beside a healthy one, and a hundred of ten components each.

    python tests/benchmarks/plugins.py [ROUNDS]

Writes packages as an installer would, each in a folder of its own, lends them by PYTHONPATH, and times `zoo list` as a
whole process, in turn (A B C … A B C …). Prints medians in seconds.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEAD = "from zoo.plugin import *\n"
LOSS = "@hookimpl\ndef zoo_losses():\n    yield Loss('a', 'nowhere:A', summary='A loss')\n"
PLUGINS = {
    "healthy": HEAD + LOSS,
    "import error": HEAD + LOSS + "raise RuntimeError('at import')\n",
    "missing dependency": HEAD + LOSS + "import not_there_at_all\n",
    "misspelt hook": HEAD + LOSS + "@hookimpl\ndef zoo_loses():\n    return []\n",
    "unknown argument": HEAD + LOSS + "@hookimpl\ndef zoo_run_start(registry):\n    pass\n",
    "halfway": HEAD + LOSS + "    raise KeyError('half')\n",
    "hangs at exit": HEAD + LOSS + "import threading\nthreading.Thread(target=threading.Event().wait).start()\n",
}
KINDS = ("Loss", "Metric", "Architecture", "Dataset", "Augmentation")
HOOKS = ("zoo_losses", "zoo_metrics", "zoo_architectures", "zoo_datasets", "zoo_augmentations")
MANY = HEAD + "".join(
    f"@hookimpl\ndef {hook}():\n    for i in (1, 2):\n"
    f"        yield {kind}(f'{kind.lower()}_{{__name__}}_{{i}}', 'nowhere:A', summary='One of a thousand')\n"
    for kind, hook in zip(KINDS, HOOKS, strict=True)
)


def install(folder: Path, name: str, source: str, requires: str = "visionzoo>=0.1") -> None:
    """Write a plugin's module and metadata."""
    info = folder / f"zoo_{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: zoo-{name}\nVersion: 1.0\nRequires-Dist: {requires}\n\n"
        + "A description.\n" * 200
    )
    (info / "entry_points.txt").write_text(f"[zoo.plugins]\n{name} = zoo_{name}\n")
    (folder / f"zoo_{name}.py").write_text(source)


def seconds(folder: Path) -> float:
    """One `zoo list`, as a whole process."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "zoo", "list"], env=environment, capture_output=True, check=True)
    return time.perf_counter() - started


def main(rounds: int = 11) -> None:
    """Time and print."""
    with tempfile.TemporaryDirectory() as home:
        sites = {"none": Path(home, "none")}
        sites["none"].mkdir()
        for i, (what, source) in enumerate(PLUGINS.items()):
            sites[what] = Path(home, str(i))
            install(sites[what], "acme", source)
        sites["for another zoo"] = Path(home, "another")
        install(sites["for another zoo"], "acme", HEAD + LOSS, requires="visionzoo>=99")
        sites["a hundred plugins"] = Path(home, "many")
        for i in range(100):
            install(sites["a hundred plugins"], f"many{i:02}", MANY)
        times: dict[str, list[float]] = {what: [] for what in sites}
        for turn in range(rounds + 1):
            for what, folder in sites.items():
                taken = seconds(folder)
                if turn:  # the first compiles
                    times[what].append(taken)
    for what, taken in times.items():
        print(f"{statistics.median(taken):.3f}  {what}")  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
