"""``zoo.extend``, for Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.api import Result
from zoo.api.jobs import components

if TYPE_CHECKING:
    from zoo_extend.extending import HeadKind

__all__ = ["extend"]


def extend(
    run: str | Path | Result,
    folders: str | Path | Sequence[str | Path],
    *,
    name: str | None = None,
    out: str | Path = "runs",
    head: HeadKind = "linear",
    refit: bool = False,
    data: str | Path | None = None,
    overwrite: bool = False,
) -> Result:
    """Add classes to a trained model, as ``zoo extend`` does.

    Args:
        run: a result of ``zoo.run``, or the name or folder of a run.
        folders: a folder of pictures for each new class; its name is the class.
        name: name of the new run; by default a generated one.
        out: folder for runs.
        head: ``linear``, ``prototypes`` or ``knn``.
        refit: fit the scores of all classes, instead of keeping the old logits.
        data: folder of the run's dataset, where it has moved.
        overwrite: replace an existing run of that name.

    Returns:
        The result of the new run, with ``result.extended["cost"]``.

    Raises:
        RequestError: the run or a folder isn't as it should be.
        DataError: pictures can't be decoded.
    """
    from zoo_extend.extending import ExtensionOptions, extend_run

    word = run.dir if isinstance(run, Result) else run
    several = [folders] if isinstance(folders, str | Path) else list(folders)
    place = None if data is None else Path(data)
    options = ExtensionOptions(name, Path(out), head, refit, place, overwrite=overwrite)
    return Result(extend_run(word, several, options, registry=components()).result.document())
