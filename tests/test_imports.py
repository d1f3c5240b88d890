"""What imports what: nothing heavy for a listing, and the rules of the house."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "torchvision", "timm", "numpy", "sklearn", "matplotlib", "torchmetrics", "PIL", "pandas", "scipy"}
HEAVY |= {"onnx", "onnxruntime", "onnxscript"}
PLUGINS = tuple(sorted(path.name for path in (ROOT / "plugins").glob("zoo_*")))
LOADED = "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def loaded_after(code: str) -> set[str]:
    """The top-level modules that a fresh process has loaded when ``code`` is done."""
    done = subprocess.run([sys.executable, "-c", f"{code}\n{LOADED}"], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "words",
    [
        "--help",
        "--version",
        "run --help",
        "list",
        "list --json",
        "list architectures --search resnet",
        "plugins list",
        "plugins doctor",
        "runs list",
        "runs list --json",
        "run",
        "data show --help",
        "data show",
        "lr-find --help",
        "lr-find",
        "export --help",
        "export",
        "cache list",
        "cache prune --older-than 1",
    ],
)
def test_a_command_that_only_looks_imports_nothing_heavy(words):
    modules = loaded_after(f"from zoo.__main__ import main; main({words.split()!r})")
    assert "zoo" in modules
    assert modules & HEAVY == set()


def test_import_zoo_and_zoo_plugin_are_light():
    assert loaded_after("import zoo") & (HEAVY | {"rich", "click", "yaml", "pydantic", "pluggy"}) == set()
    with_plugin = loaded_after("import zoo.plugin")
    assert with_plugin & (HEAVY | {"rich", "click", "yaml", "pydantic"}) == set()
    assert "pluggy" in with_plugin


def test_a_plugins_hooks_are_plain_data():
    """All of them in one process: each module, and all that its hooks give."""
    code = "import importlib\n" + "".join(
        f"module = importlib.import_module('{name}.plugin')\n"
        "[list(hook()) for key, hook in vars(module).items() if key.startswith('zoo_') and callable(hook)]\n"
        for name in PLUGINS
    )
    modules = loaded_after(code)
    assert set(PLUGINS) <= modules
    assert modules & HEAVY == set()


UNUSED = HEAVY - {"torch", "numpy", "PIL"} | {"sympy", "triton", "rich"}
"""What a run of the tutorial has no use for: each would take as long to import as an epoch takes."""


def test_a_run_imports_nothing_that_it_does_not_use(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "run simple_cnn digits --epochs 1 --precision fp32 --name first"
    code = f"from zoo.__main__ import main; assert main({words.split()!r}) == 0"
    modules = loaded_after(f"{code}\nimport sys; assert 'torch._dynamo' not in sys.modules")
    assert "torch" in modules
    assert modules & UNUSED == set()
    assert "<svg" in Path("runs/first/report.html").read_text("utf-8")


def test_the_report_without_a_terminal_needs_no_rich():
    assert "rich" not in loaded_after("from zoo.reports.choose import make_observer; make_observer(json=True)")


# -- the rules of the house -----------------------------------------------------------------------------


def settings() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def lint(folder: Path, cache: Path) -> tuple[int, dict[str, str]]:
    """What import-linter says of the packages in ``folder``: its exit code, and each contract with KEPT or BROKEN."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--cache-dir", str(cache)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(folder / "plugins")]), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    said = [
        line.split(" (")[0].rpartition(" ") for line in done.stdout.splitlines() if "KEPT" in line or "BROKEN" in line
    ]
    return done.returncode, {name: verdict for name, _, verdict in said}


def test_every_bundled_plugin_is_under_the_rules():
    project, linted = settings()["project"], settings()["tool"]["importlinter"]
    bundled = {target.partition(".")[0] for target in project["entry-points"]["zoo.plugins"].values()}
    assert bundled == set(PLUGINS)
    assert set(linted["root_packages"]) == {"zoo", *bundled}
    assert {folder.name for folder in (ROOT / "plugins").glob("zoo_*") if (folder / "plugin.py").is_file()} == bundled
    for contract in linted["contracts"]:
        named = {*contract.get("modules", ()), *contract.get("source_modules", ())}
        assert named & bundled in (set(), bundled), contract["name"]


def test_the_rules_are_kept(tmp_path):
    code, verdicts = lint(ROOT, tmp_path)
    assert set(verdicts) == {contract["name"] for contract in settings()["tool"]["importlinter"]["contracts"]}
    assert set(verdicts.values()) == {"KEPT"}
    assert code == 0


def test_a_broken_rule_is_noticed(tmp_path):
    """Every contract, by an import that it forbids: a rule with a slip in it would be kept whatever happens."""
    for name in ("zoo", "plugins", "pyproject.toml"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    for file, line in {
        "zoo/engine/totals.py": "import zoo.job",
        "zoo/registry/suggest.py": "import rich",
        "zoo/storage/files.py": "import timm",
        "zoo/host/loader.py": "import zoo_simple",
        "plugins/zoo_losses/losses.py": "import zoo_metrics",
        "plugins/zoo_simple/cnn.py": "import zoo.storage.files",
    }.items():
        with (tmp_path / file).open("a") as source:
            source.write(f"\n{line}\n")
    code, verdicts = lint(tmp_path, tmp_path / "cache")
    assert code == 1
    assert set(verdicts.values()) == {"BROKEN"}
    assert len(verdicts) == 7
