"""Imports of third-party packages, compared with the dependencies and extras that each pyproject.toml declares."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# Distributions whose import name is another one.
DISTRIBUTIONS = {"PIL": "pillow", "mlflow": "mlflow-skinny", "sklearn": "scikit-learn", "yaml": "pyyaml"}


class Source(NamedTuple):
    """Folder of source code, its pyproject.toml and the extras whose packages the code may import."""

    folder: str
    project: str
    extras: tuple[str, ...] = ()


EXTRAS = {
    "zoo": ("test", "heif"),  # pytest, in zoo.testing.parametrize
    "zoo_export": ("export",),
    "zoo_formats": ("parquet", "datasets"),
    "zoo_notebook": ("notebook",),
    "zoo_predict": ("parquet",),
    "zoo_readers": ("dicom", "tiff", "geotiff"),
    "zoo_search": ("sweep",),
    "zoo_serve": ("serve",),
    "zoo_torchvision": ("pcam",),
    "zoo_track": ("tensorboard", "mlflow", "wandb", "trackio"),
}
BUNDLED = sorted(path for path in ROOT.glob("plugins/zoo_*") if path.is_dir())
SEPARATE = sorted(path for path in ROOT.glob("plugins/zoo-*/zoo_*") if path.is_dir())
SOURCES = [
    Source("zoo", "pyproject.toml", EXTRAS["zoo"]),
    *(Source(f"plugins/{path.name}", "pyproject.toml", EXTRAS.get(path.name, ())) for path in BUNDLED),
    *(
        Source(
            str(path.relative_to(ROOT)),
            str((path.parent / "pyproject.toml").relative_to(ROOT)),
            EXTRAS.get(path.name, ()),
        )
        for path in SEPARATE
    ),
]


def imported(source: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield each third-party package that a module imports, lazily or not, and the line."""
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        else:
            continue
        for name in names:
            package = name.partition(".")[0]
            ours = package == "zoo" or package.startswith("zoo_")
            if not ours and package not in sys.stdlib_module_names:
                yield package, node.lineno


def distribution(package: str) -> str:
    return canonicalize_name(DISTRIBUTIONS.get(package, package))


def needed(folder: Path) -> dict[str, str]:
    """Distributions that a folder's modules import, each with one place that does."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*.py")):
        for package, line in imported(ast.parse(path.read_bytes())):
            found.setdefault(distribution(package), f"{path.relative_to(ROOT)}:{line}")
    return found


def declared(project: str, *extras: str) -> set[str]:
    """Names of a project's dependencies and of the packages in some of its extras."""
    table = tomllib.loads((ROOT / project).read_text("utf-8"))["project"]
    texts = [*table["dependencies"], *(text for extra in extras for text in table["optional-dependencies"][extra])]
    return {canonicalize_name(Requirement(text).name) for text in texts}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.folder)
def test_every_import_is_declared(source: Source):
    known = declared(source.project, *source.extras)
    missing = {name: place for name, place in needed(ROOT / source.folder).items() if name not in known}
    assert not missing, f"imported and not declared in {source.project}"


@pytest.mark.parametrize("project", sorted({source.project for source in SOURCES}))
def test_every_dependency_is_imported(project: str):
    used = {name for source in SOURCES if source.project == project for name in needed(ROOT / source.folder)}
    assert declared(project) - used - {"visionzoo"} == set()


def test_an_extra_is_named_only_where_its_packages_are_imported():
    for source in SOURCES:
        for extra in source.extras:
            names = declared(source.project, extra)
            assert names & set(needed(ROOT / source.folder)), f"{source.folder} imports nothing of {extra}"


def test_lazy_and_guarded_imports_count():
    code = "def load():\n    try:\n        import yaml.nodes\n    except ImportError:\n        from PIL import Image\n"
    code += "import os, zoo_images\nfrom zoo import api\nfrom . import scipy\n"
    assert [(distribution(name), line) for name, line in imported(ast.parse(code))] == [("pyyaml", 3), ("pillow", 5)]
