"""Interpretation of dataset arguments as names or paths, and messages about invalid ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import RequestError, UnknownName
from zoo.job.run_folder import find_run
from zoo.registry.kinds import CHOICES
from zoo.registry.registry import Registry
from zoo.registry.suggest import did_you_mean


def already_reported(error: Any) -> bool:
    """Check that a validation error was already reported in better words: missing choices and names."""
    path = ".".join(map(str, error["loc"])).removesuffix(".name")
    return error["type"] in ("missing", "string_type") and path in (*CHOICES, "train", "data")


def describe_error(error: Any, sources: Mapping[str, str]) -> str:
    """Turn a pydantic error into a sentence, with the source of the value."""
    path = ".".join(str(part) for part in error["loc"])
    source = sources.get(path, "")
    given = f", not {error['input']!r}" if not isinstance(error["input"], dict) else ""
    reason = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    if error["type"] == "value_error":  # a message of the job schema
        return f"{path}{' ' if reason.startswith('must ') else ': '}{reason}." if path else f"{reason}."
    if error["type"] == "string_pattern_mismatch" and path == "device":
        reason = "auto, cpu, mps, cuda or cuda:N"
    if error["type"] == "extra_forbidden":
        return f"unknown key {path!r}."
    return f"{path} must be {reason}{given}{f' ({source})' if source else ''}."


def is_path(word: str, registry: Registry) -> bool:
    """Check that a word is a path; registered names are names, words that look like a path or exist are paths."""
    if word.startswith((".", "/", "~")):
        return True
    try:
        registry.find("dataset", word)
    except UnknownName:
        return Path(word).exists() or word.count("/") > 1 or Path(word).suffix.lower() == ".csv"
    except RequestError:
        pass  # ambiguous between two plugins: still a name, reported later
    return False


def run_folder(word: str, registry: Registry) -> str:
    """Resolve a word to the absolute folder of a run; an unknown word is returned unchanged."""
    if registry.model_source(word) is not None:
        return word  # the same on every machine
    try:
        return str(find_run(str(Path(word).expanduser())).absolute())
    except RequestError:
        return word


def missing(path: Path) -> str:
    """Message for a missing path, with similar names beside it."""
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    return (
        f"There is no folder or file {str(path)!r}.{did_you_mean(path.name, siblings)} Give a folder of class "
        "folders, a CSV file, or the name of a dataset; see: zoo list datasets"
    )


def order_hint(path: str, name: str, registry: Registry) -> str:
    """Hint about the order of the arguments if the dataset comes first; empty otherwise."""
    if path != "architecture" or not (is_path(name, registry) or name in registry.names("dataset")):
        return ""
    return f". The architecture comes first: zoo run simple_cnn {name}"


def folder_hint(path: str) -> str:
    """Hint to give a folder, for users with their own images; empty for other components."""
    return ". For your own images, give a folder of class folders, such as ./my_photos" if path == "dataset" else ""
