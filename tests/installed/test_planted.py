"""Every way in which a plugin can fail, planted in installed packages, all at once: the zoo works all the same."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.slow

HEAD = "from zoo.plugin import *\n"
LOSS = "@hookimpl\ndef zoo_losses():\n    yield Loss('{name}', 'nowhere:Loss', summary='A loss of a failing plugin')\n"


def source(name: str, rest: str) -> str:
    """A plugin with a good loss, of which nothing may stay, and a fault."""
    return HEAD + LOSS.format(name=name) + rest


# name: (source, phase, what is said); the package of each is zoo-NAME
FAULTS = {
    "importless": (source("importless", "raise RuntimeError('at import')"), "import", "RuntimeError: at import"),
    "needy": (source("needy", "import not_there_at_all"), "import", "No module named 'not_there_at_all'"),
    "misspelt": (
        source("misspelt", "@hookimpl\ndef zoo_architecturs():\n    return []\n"),
        "validate",
        "there is no hook 'zoo_architecturs'. Did you mean 'zoo_architectures'",
    ),
    "argument": (
        source("argument", "@hookimpl\ndef zoo_run_start(run, registry):\n    pass\n"),
        "validate",
        "registry",
    ),
    "default": (source("default", "@hookimpl\ndef zoo_run_start(run=None):\n    pass\n"), "validate", "has a default"),
    "wrapping": (
        HEAD + "@hookimpl(wrapper=True)\ndef zoo_losses():\n    return (yield)\n",
        "validate",
        "zoo_losses can't be a wrapper",
    ),
    "mistyped": (
        source("mistyped", "@hookimpl\ndef zoo_metrics():\n    yield 'accuracy'\n"),
        "contribute",
        "zoo_metrics gave 'accuracy'",
    ),
    "twice": (
        HEAD + (LOSS + LOSS[LOSS.index("    ") :]).format(name="twice"),
        "contribute",
        "two components named 'twice'",
    ),
    "halfway": (source("halfway", "").rstrip() + "\n    raise KeyError('half')\n", "contribute", "KeyError: 'half'"),
}
# What goes wrong only while a run is on.
AT_WORK = {
    "raiser": (
        HEAD + "@hookimpl\ndef zoo_run_end(run, result):\n    raise OSError('the server is away')\n",
        "zoo_run_end",
        "the server is away",
    ),
    "hanger": (
        HEAD + "import threading\n@hookimpl\ndef zoo_run_end(run):\n    threading.Event().wait()\n",
        "zoo_run_end",
        "it did not return within 1 s",
    ),
}
# Hangs in the thread that Python waits for, and in the function that it calls last.
AT_EXIT = HEAD + (
    "import atexit, threading\n"
    "threading.Thread(target=threading.Event().wait).start()\n"
    "atexit.register(threading.Event().wait)\n"
)


@pytest.fixture
def planted(world, make_wheel):
    """All of them installed; and taken out again, whatever happens."""
    wheels = [make_wheel(f"zoo-{name}", text) for name, (text, _, _) in {**FAULTS, **AT_WORK}.items()]
    wheels.append(make_wheel("zoo-atexit", AT_EXIT))
    wheels.append(make_wheel("zoo-tomorrow", source("tomorrow", ""), requires=["visionzoo>=99"]))
    wheels += [make_wheel(f"zoo-{name}", source("rival", ""), plugins=["rival"]) for name in ("this", "that")]
    before = world.zoo("list", "--json").stdout, world.distributions()
    world.pip("install", "--no-deps", "--no-index", *wheels)
    yield before
    theirs = [line.partition("==")[0].partition(" ")[0] for line in world.distributions().splitlines()]
    world.pip("uninstall", "--yes", "zoo-none", *(name for name in theirs if name.startswith("zoo-")))


def test_each_failure_is_contained_whole(world, planted):
    healthy, _ = planted
    done = world.zoo("list", "--json")
    assert done.stdout == healthy, "nothing of a failing plugin stays, and everything else works"
    told = [line for line in done.stderr.splitlines() if "was set aside" in line]
    assert "plugin 'atexit': a thread or an atexit function doesn't end" in done.stderr
    failing = {*FAULTS, "tomorrow", "rival"}
    assert {line.split("'")[1] for line in told} == failing
    assert len(told) == len(failing), "one line says so"

    rows = {row["name"]: row for row in world.json("plugins", "list")}
    assert {name for name, row in rows.items() if row["state"] == "failed"} == failing
    assert not any(rows[name]["provides"] for name in failing)

    words = ("run", "simple_cnn", "digits", "--epochs", "1", "--name", "d")
    ran = world.zoo(*words, "--json", ZOO_HOOK_PATIENCE_S="1")
    assert json.loads(ran.stdout)["status"] == "completed"
    for name, (_, phase, said) in AT_WORK.items():
        (line,) = (line for line in ran.stderr.splitlines() if f"plugin {name!r}" in line)
        assert phase in line
        assert said in line

    everything = [(name, phase, said) for name, (_, phase, said) in {**FAULTS, **AT_WORK}.items()]
    everything.append(("atexit", "exit", "doesn't end"))
    everything += [("tomorrow", "require", "needs visionzoo>=99"), ("rival", "find", "zoo-that and zoo-this")]
    again = world.zoo(*words, "--overwrite", "--json")  # with the default limit of 10 s
    assert "plugin 'hanger' is disabled for this run" in again.stderr, "what never returned is waited for once"
    assert "did not return" not in again.stderr

    findings = {
        finding["plugin"]: finding
        for finding in json.loads(world.zoo("plugins", "doctor", "--json", check=False).stdout)
    }
    assert findings.keys() == {name for name, _, _ in everything}
    for name, phase, said in everything:
        found = findings[name]
        assert (found["phase"], found["serious"]) == (phase, True)
        assert said in found["problem"]
        assert found["remedies"], "there is always something to type"
        assert "/zoo/host/" not in found["details"], "the zoo's frames and pluggy's are no help"
        assert found["distribution"].startswith("zoo-")
        assert found["version"] == "1.0"
    assert "zoo_needy.py" in findings["needy"]["details"]
    assert "raise KeyError" in findings["halfway"]["details"]
    assert any("install not_there_at_all" in command for _, command in findings["needy"]["remedies"])
    assert any("visionzoo>=99" in command for _, command in findings["tomorrow"]["remedies"])

    one = world.zoo("plugins", "doctor", "needy", check=False)
    assert one.returncode == 1
    assert "phase: import" in one.stdout
    assert "zoo plugins uninstall zoo-needy" in one.stdout

    for name in ("needy", "zoo-halfway", "tomorrow", "zoo-this", "zoo-that", "atexit"):
        assert "Uninstalled" in world.zoo("plugins", "uninstall", name).stdout
    left = {row["name"] for row in world.json("plugins", "list")}
    assert not left & {"needy", "halfway", "tomorrow", "rival", "atexit"}


LIST_BOUND_S = 0.6
"""Processor time of ``zoo list`` with a hundred plugins; unlike wall time, it doesn't depend on other tests."""


def processor_seconds(typed: Callable[[], object]) -> float:
    """Processor time of the processes that a function starts and waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    typed()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_hundred_plugins(world, make_wheel):
    """A thousand components of strangers are listed, and nothing heavy is imported for it."""
    kinds = ("Loss", "Metric", "Architecture", "Dataset", "Augmentation")
    text = HEAD + "".join(
        f"@hookimpl\ndef {hook}():\n    for i in range(2):\n"
        f"        yield {kind}(f'{{__name__}}_{kind}_{{i}}'.lower(), 'nowhere:Nothing', summary='One of a thousand')\n"
        for kind, hook in zip(
            kinds, ("zoo_losses", "zoo_metrics", "zoo_architectures", "zoo_datasets", "zoo_augmentations"), strict=True
        )
    )
    wheels = [make_wheel(f"zoo-many{i:02}", text) for i in range(100)]
    world.pip("install", "--no-deps", "--no-index", *wheels)
    try:
        rows = world.json("list")
        assert sum(row["distribution"].startswith("zoo-many") for row in rows) == 1000
        modules = world.python_says(
            "import sys; from zoo.__main__ import main; main(['list']); print(sorted(sys.modules), file=sys.stderr)"
        )
        assert "'zoo_many99'" in modules
        assert not any(f"'{heavy}'" in modules for heavy in ("torch", "numpy", "timm", "torchvision"))
        assert min(processor_seconds(lambda: world.zoo("list")) for _ in range(3)) < LIST_BOUND_S
    finally:
        world.pip("uninstall", "--yes", *(f"zoo-many{i:02}" for i in range(100)))
