"""Layout of a run's folder, and the search for a run by name."""

from __future__ import annotations

from pathlib import Path

from zoo.errors import RequestError
from zoo.registry.suggest import did_you_mean

RUNS = Path("runs")
"""Default folder of runs."""
RESULT, JOB, METRICS, REPORT = "result.json", "job.yaml", "metrics.jsonl", "report.html"
EVALUATION = "evaluation.html"
"""Report of the last evaluation after the run."""
WEIGHTS, CARD, ATTACHMENTS = "model.safetensors", "zoo.json", "attachments.safetensors"
"""Files of a bundle; the last one is optional."""
IMPORTED = "import.json"
"""File with the origin of an imported model, which has no job."""
MODEL, CHECKPOINTS, PICTURES = "model", "checkpoints", "pictures"


def is_run(folder: Path) -> bool:
    """Check that a folder holds a run or an imported model."""
    return (folder / JOB).is_file() or (folder / IMPORTED).is_file()


def find_run(word: str, out: Path = RUNS) -> Path:
    """Find a run by its folder, or by its name in ``out``.

    Raises:
        RequestError: the run doesn't exist; the message names similar runs.
    """
    folders = [folder for folder in (Path(word), out / word) if folder.is_dir()]
    if folders:  # a folder of images may have the name of the run
        return next((f for f in folders if is_run(f) or (f / CARD).is_file()), folders[0])
    if Path(word).is_file():
        raise RequestError(
            f"{word!r} is a file, not a run. Give the run first: zoo predict RUN IMAGE. See: zoo runs list"
        )
    names = [p.name for p in out.iterdir() if not p.name.startswith(".")] if out.is_dir() else []
    raise RequestError(f"There is no run {word!r}.{did_you_mean(word, names)} See: zoo runs list")
