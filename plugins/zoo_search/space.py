"""The search space of a sweep: ``--set`` words with several values.

``train.lr=log:1e-4..1e-1`` is a range of numbers (integers if both ends are), ``train.optimizer=adam,sgd`` a choice.
Commas within brackets or quotes, as in ``metrics=[top_k,auroc]``, belong to a single value.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zoo.api.jobs import Registry, Request, Resolved, in_full, resolve
from zoo.errors import RequestError

Values = Mapping[str, str]
"""Dotted path -> value, as text for ``--set``."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"\s*(log:)?\s*({_NUMBER})\s*\.\.\s*({_NUMBER})\s*")
_CLASSES = 10
_INSIDE = 0.381966
"""Fraction of a range that gives no round number, which a parameter for integers refuses."""
MOST_CHECKED = 256
"""Maximum number of combinations of extremes that are all checked; of more, each value is checked separately."""
_OPEN, _CLOSE, _QUOTES = "[{(", "]})", "'\""


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, inclusive; ``log`` samples them uniformly on a logarithmic scale."""

    low: float
    high: float
    whole: bool
    log: bool

    @property
    def count(self) -> int | None:
        """Number of values; None for real numbers."""
        return int(self.high) - int(self.low) + 1 if self.whole else None

    def extremes(self) -> list[str]:
        """Values at which a job with invalid limits is expected to fail."""
        ends = [self.text(self.low), self.text(self.high)]
        return ends if self.whole else [*ends, self.text(self.low + _INSIDE * (self.high - self.low))]

    def text(self, value: float) -> str:
        """Format a value for ``--set``, with full precision."""
        return str(int(value)) if self.whole else repr(float(value))

    def __str__(self) -> str:
        ends = f"{self.text(self.low)} to {self.text(self.high)}"
        return f"{ends}, on a log scale" if self.log else ends


@dataclass(frozen=True)
class Choices:
    """A choice among values, as typed."""

    texts: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of values."""
        return len(self.texts)

    def extremes(self) -> list[str]:
        return list(self.texts)

    def text(self, value: str) -> str:
        return value

    def __str__(self) -> str:
        return f"one of {', '.join(self.texts)}"


Space = dict[str, Range | Choices]
"""Dotted path -> range or choice."""


def divide(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Separate ``--set`` words with several values (as path -> text) from those with one (unchanged).

    A path may be the name of an option (``lr`` for ``train.lr``).

    Raises:
        RequestError: a path is varied twice, or also given a fixed value.
    """
    varied: dict[str, str] = {}
    fixed: list[str] = []
    for word in words:
        path, equals, text = word.partition("=")
        path = in_full(path.strip())
        if not equals or variation(path, text) is None:
            fixed.append(f"{path}{equals}{text}")
        elif path in varied:
            raise RequestError(f"--set {path} is given twice. Give all values in one: --set {path}=A,B,C")
        else:
            varied[path] = text
    for word in fixed:
        if (path := word.partition("=")[0]) in varied:
            raise RequestError(f"--set {path} is both set and varied. Leave out one of them.")
    return varied, fixed


def variation(path: str, text: str) -> Range | Choices | None:
    """Parse a range or a choice; None for a single value.

    Raises:
        RequestError: the range or choice is malformed.
    """
    if (found := _RANGE.fullmatch(text)) is not None:
        return _range(path, bool(found[1]), found[2], found[3])
    if text.lstrip().startswith("log:"):
        raise RequestError(f"--set {path}={text}: log: needs a range of numbers, such as log:1e-4..1e-1.")
    parts = [part.strip() for part in _split(text)]
    if len(parts) == 1:
        return None
    if "" in parts or len(set(parts)) < len(parts):
        what = "an empty value" if "" in parts else "a repeated value"
        raise RequestError(f"--set {path}={text} is a choice with {what}. Give distinct values: A,B,C.")
    return Choices(tuple(parts))


def _range(path: str, log: bool, low: str, high: str) -> Range:
    whole = not any(mark in low + high for mark in ".eE")
    found = Range(float(low), float(high), whole, log)
    if found.low >= found.high:
        raise RequestError(f"--set {path}={low}..{high}: the first number of a range must be smaller than the second.")
    if log and found.low <= 0:
        raise RequestError(f"--set {path}=log:{low}..{high}: a range on a log scale must start above 0.")
    return found


def _split(text: str) -> list[str]:
    """Split at commas outside brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in _QUOTES:
            quote = char
        depth += 0 if quote else (char in _OPEN) - (char in _CLOSE)
        if char == "," and not quote and depth <= 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def make_space(varied: Mapping[str, str]) -> Space:
    """Build the search space from texts.

    Raises:
        RequestError: it is empty, or varies the monitored metric itself.
    """
    if not varied:
        raise RequestError(
            "zoo sweep needs a range or a choice to vary. Try: --set lr=log:1e-4..1e-1 --set "
            "architecture.dropout=0..0.6 --set train.optimizer=adam,sgd"
        )
    if "train.monitor" in varied:
        raise RequestError("train.monitor can't be varied: it is the metric that trials are compared by.")
    space = {path: variation(path, text) for path, text in varied.items()}
    return {path: part for path, part in space.items() if part is not None}


def combinations(space: Space) -> int | None:
    """Number of combinations of values; None where a value is a real number."""
    counts = [part.count for part in space.values()]
    return None if None in counts else math.prod(filter(None, counts))


def words_of(values: Values) -> tuple[str, ...]:
    """Format values as words of ``--set``."""
    return tuple(f"{path}={text}" for path, text in values.items())


def check(space: Space, request: Request, registry: Registry) -> Resolved:
    """Resolve the job with every choice and every end of a range, before the sweep begins.

    Returns:
        The job with the first of all values.

    Raises:
        RequestError: the job refuses a value; the message names it.
    """
    found: Resolved | None = None
    for values in _extreme_combinations(space):
        sets = (*request.sets, *words_of(values))
        try:
            resolved = resolve(Request(request.options, sets, request.file, request.recipe, request.given), registry)
            _try_to_build(resolved, space)
        except RequestError as error:
            told = " ".join(f"--set {word}" for word in words_of(values))
            raise RequestError(f"The sweep would try {told}, which is invalid. {error}") from error
        found = found or resolved
    assert found is not None
    return found


def _try_to_build(resolved: Resolved, space: Space) -> None:
    """Check that network and loss accept the varied parameters, by building them on the meta device.

    Raises:
        RequestError: one of them refuses its parameters.
    """
    import torch

    from zoo.api.models import build

    job = resolved.job
    given = {"in_chans": job.data.in_chans, "image_size": job.train.image_size}
    for path, choice, positional in (("architecture", job.architecture, (_CLASSES,)), ("loss", job.loss, ())):
        if any(varied.startswith(path) for varied in space):
            try:
                with torch.device("meta"):  # tensors without memory
                    build(resolved.entry(path), choice.params, path, *positional, **given)
            except RequestError:
                raise
            except Exception:  # components that fail on the meta device may still work in a run
                continue


def _extreme_combinations(space: Space) -> list[dict[str, str]]:
    extremes = [part.extremes() for part in space.values()]
    count = 1
    for each in extremes:
        count *= len(each)
    if count <= MOST_CHECKED:
        return [dict(zip(space, row, strict=True)) for row in itertools.product(*extremes)]
    first = [each[0] for each in extremes]
    rows = [first] + [[*first[:i], text, *first[i + 1 :]] for i, each in enumerate(extremes) for text in each[1:]]
    return [dict(zip(space, row, strict=True)) for row in rows]
