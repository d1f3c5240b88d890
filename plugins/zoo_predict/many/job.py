"""Predict any number of images into files, and resume exactly where a process was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.api.commands import Interrupts
from zoo.errors import Interrupted, OutputError, RequestError
from zoo.storage import take
from zoo_predict.many.engine import Engine
from zoo_predict.many.items import ImageItem
from zoo_predict.many.output import DoneRow, FileShard, RowOutput, legible
from zoo_predict.many.predictor import Predictor, Row
from zoo_predict.many.progress import Rate, progress_of_many
from zoo_predict.many.record import check_same
from zoo_predict.many.sources import Sources
from zoo_predict.many.summary import ManySummary
from zoo_predict.places import make_folder

__all__ = ["ManyImages"]


@dataclass
class ManyImages:
    """Images and the output of their rows.

    Args:
        sources: the images.
        output: the output.
        place: its path, for messages.
        shard: the shard of the images to predict; None for all.
        resume, overwrite: what to do with an output that exists.
    """

    sources: Sources
    output: RowOutput
    place: Path
    shard: FileShard | None = None
    resume: bool = False
    overwrite: bool = False

    def check(self) -> None:
        """Check what can be checked before the model is loaded.

        Raises:
            RequestError: an input is invalid or the output, or the output exists and is neither resumed nor replaced.
        """
        self.sources.check()
        if self.place.resolve() in {Path(word).expanduser().resolve() for word in self.sources.words}:
            raise RequestError(f"{self.place} is an input. Name another output with --out.")
        if self.output.exists() and not (self.resume or self.overwrite):
            raise RequestError(
                f"{self.place} exists already. To predict the images that are missing in it, add --resume; to replace "
                "it, add --overwrite."
            )

    def predict(self, engine: Engine, predictor: Predictor, record: dict[str, Any], top: int) -> ManySummary:
        """Predict the images whose rows are not done.

        Args:
            engine: predicts the items in order.
            predictor: the model.
            record: see :func:`zoo_predict.many.record.record_of`.
            top: see :func:`zoo_predict.many.columns.csv_header`.

        Raises:
            RequestError: the output can't be continued, or there are no images.
            OutputError: the output can't be written.
            Interrupted: by the user or a signal; the rows until then are written.
        """
        items = iter(self.sources)
        first = next(items, None)
        if first is None:
            raise RequestError(f"There are no images in {', '.join(self.sources.words)}.")
        items = _with(first, items)
        summary = ManySummary()
        self.output.prepare(predictor.example, top)
        with self._locked():
            mine = items if self.shard is None else self.shard.cut(items)
            fresh = not (self.resume and self.output.exists())
            if not fresh:
                check_same(self.output.record(), record, self.place)
                self._skip(mine, summary)
            self.output.open(record, fresh=fresh)
            self._write(engine(mine, predictor), summary)
        return summary

    def _locked(self) -> ExitStack:
        """Hold the lock of the output, where locks are supported.

        Raises:
            RequestError: another process holds it.
        """
        stack, lock = ExitStack(), self.output.lock
        make_folder(lock.parent)
        try:
            stack.callback(take(lock).release)
        except BlockingIOError:
            raise RequestError(f"Another process writes {self.place}. Name another output with --out.") from None
        except OSError:
            return stack
        return stack

    def _skip(self, items: Iterator[ImageItem], summary: ManySummary) -> None:
        """Pass the items whose rows are done, and check that they are the same.

        Raises:
            RequestError: the images are others than those of the rows.
        """
        for row in self.output.done():
            item = next(items, None)
            if item is None or row.path not in (item.name, legible(item.name)):
                raise RequestError(self._changed(row, summary.rows + 1, item))
            summary.rows += 1
            summary.failed += row.failed

    def _changed(self, row: DoneRow, number: int, item: ImageItem | None) -> str:
        now = "missing" if item is None else f"{item.name} now"
        return (
            f"{self.place} can't be continued: the images have changed. Image {number:,} was {row.path} and is {now}. "
            "Predict all of them with --overwrite, or into another output with --out."
        )

    def _write(self, batches: Iterator[list[Row]], summary: ManySummary) -> None:
        interrupts, rate = Interrupts(), Rate(summary.rows)
        with interrupts.listening(), progress_of_many(rate, self._count()) as advance, closing(batches):  # type: ignore[type-var]
            try:
                for rows in batches:
                    with interrupts.held():
                        self.output.add(rows)
                        summary.add(rows)
                        advance(len(rows))
            except OutputError:
                raise
            except BaseException as error:  # the rows until then are kept
                self.output.close()
                if isinstance(error, KeyboardInterrupt):
                    raise Interrupted(self._interrupted(summary.rows)) from None
                raise
            self.output.close()

    def _interrupted(self, rows: int) -> str:
        return (
            f"Interrupted; {self.place} has the rows of {rows:,} images. To predict the others, type the same command "
            "with --resume."
        )

    def _count(self) -> Callable[[], int] | None:
        """A function that counts the images of the shard; None where that would take long."""
        if not self.sources.countable:
            return None
        shard, count = self.shard, self.sources.count
        return count if shard is None else lambda: shard.share(count())


def _with(first: ImageItem, rest: Iterator[ImageItem]) -> Iterator[ImageItem]:
    yield first
    yield from rest
