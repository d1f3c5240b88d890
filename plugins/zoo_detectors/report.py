"""The result of ``zoo detector``: as a document, and on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from zoo.reports.kit.console import GOOD, CommandLine, Middle, Page, bare_table, heading, say
from zoo.reports.kit.text import count, percent, short_path
from zoo_detectors.fitting import DetectorComparison, DetectorFigures
from zoo_detectors.foreign import GENERATED, ForeignKind
from zoo_detectors.measure import Separation

__all__ = ["DetectorReport"]

_HEADS = ("AUROC", "95% interval", "FPR95", "95% interval")


@dataclass(frozen=True)
class DetectorReport:
    """What was found.

    Args:
        run: the run, as it was typed.
        folder: its folder.
        comparison: the detectors.
        kinds: the foreign pictures.
        false_alarms: the rate that was asked for.
        kept: whether the best detector was saved in the model.
    """

    run: str
    folder: Path
    comparison: DetectorComparison
    kinds: Sequence[ForeignKind]
    false_alarms: float
    kept: bool

    @property
    def generated(self) -> bool:
        """True where no folder of foreign pictures was given."""
        return all(kind.source == GENERATED for kind in self.kinds)

    def document(self) -> dict[str, Any]:
        """The result as JSON has it."""
        return {
            "run": self.run,
            "dir": str(self.folder),
            "detector": self.comparison.best,
            "false_alarms": self.false_alarms,
            "foreign": {kind.name: {"pictures": len(kind.pictures), "source": kind.source} for kind in self.kinds},
            "detectors": {name: asdict(each.figures) for name, each in self.comparison.found.items()},
            "kept": self.kept,
            "notices": self.comparison.notices,
        }

    def page(self, *, verbose: bool = False) -> RenderableType:
        """The result for a terminal of 80 columns."""
        best = self.comparison.best
        figures = self.comparison.found[best].figures
        rate = f"{percent(figures.found.value)} of the foreign images at {percent(self.false_alarms)} false alarms"
        parts: list[RenderableType] = [say(f"{best} finds {rate}", "bold"), Text()]
        parts += [self._detectors(), *self._of_best(best, figures)]
        if verbose:
            parts += self._by_kind()
        return Page(*parts, *self._remarks())

    def _detectors(self) -> RenderableType:
        table = bare_table("detector", *_HEADS, "found", right=range(1, 6))
        for name, each in self.comparison.found.items():
            style = f"bold {GOOD}" if name == self.comparison.best else ""
            table.add_row(say(name, style), *_cells(each.figures.all), say(percent(each.figures.found.value)))
        return table

    def _of_best(self, best: str, figures: DetectorFigures) -> Iterator[RenderableType]:
        yield heading("Kinds of foreign images", f"with {best}")
        table = bare_table("kind", "images", *_HEADS, "found", right=range(1, 7), most={0: 20})
        for name, each in figures.kinds.items():
            found = say(percent(figures.found_by_kind[name].value))
            table.add_row(Middle(name), say(count(each.images)), *_cells(each), found)
        yield table

    def _by_kind(self) -> Iterator[RenderableType]:
        found: Mapping[str, Any] = self.comparison.found
        for kind in self.kinds:
            yield heading(kind.name)
            table = bare_table("detector", *_HEADS, "found", right=range(1, 6))
            for name, each in found.items():
                rate = say(percent(each.figures.found_by_kind[kind.name].value))
                table.add_row(say(name), *_cells(each.figures.kinds[kind.name]), rate)
            yield table

    def _remarks(self) -> Iterator[RenderableType]:
        yield say("Half of the foreign images chose the detector; these figures are of the other half.", "dim")
        if self.generated:
            yield say(
                "The foreign images were generated: textures, noise and drawn shapes. Photographs of other things are "
                "harder. To choose by your own: --foreign FOLDER",
                "dim",
            )
        if self.kept:
            yield say(f"saved in {short_path(self.folder)}/model, and used by zoo predict", "dim")
            yield heading("Next")
            yield CommandLine(f"zoo predict {short_path(self.folder)} IMAGE")


def _cells(each: Separation) -> list[RenderableType]:
    return [
        say(percent(each.auroc)),
        say(_interval(each.auroc_interval), "dim"),
        say(percent(each.fpr95)),
        say(_interval(each.fpr95_interval), "dim"),
    ]


def _interval(ends: tuple[float, float]) -> str:
    return f"{100 * ends[0]:.1f}–{percent(ends[1])}"
