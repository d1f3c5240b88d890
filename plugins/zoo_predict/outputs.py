"""Files that ``zoo predict`` writes: annotated pictures, sorted copies, a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.reports.kit.pages import check_place
from zoo_predict.places import check_folder, check_free, make_folder
from zoo_predict.save import UNSURE, picture_files, save_pictures, sort_pictures

if TYPE_CHECKING:
    from zoo.api.models import Classifier
    from zoo_predict.answers import PicturePrediction
    from zoo_predict.pictures import Picture

__all__ = ["Outputs"]

PAGE = "index.html"


@dataclass(frozen=True)
class Outputs:
    """Where to write.

    Args:
        save: folder for annotated pictures and a page of them.
        sort: folder for copies of the originals, by class.
        html: file of the page alone.
        overwrite: replace existing files.
    """

    save: Path | None = None
    sort: Path | None = None
    html: Path | None = None
    overwrite: bool = False

    def check(self, pictures: Sequence[Picture]) -> None:
        """Check the places before the work, as far as they are known.

        Raises:
            RequestError: a folder is a file, or files exist.
            OutputError: a folder can't be written.
        """
        if self.html is not None:
            check_place(self.html, (".html",), option="--html", overwrite=self.overwrite)
        if self.sort is not None:
            check_folder(self.sort, "--sort")
        if self.save is not None:
            check_folder(self.save, "--save")
            files = [*picture_files(pictures, self.save), self.save / PAGE]
            check_free(files, [each.path for each in pictures], "--save", overwrite=self.overwrite)

    def write(self, answers: Sequence[PicturePrediction], classifier: Classifier, model: str) -> dict[str, Any]:
        """Write all that was asked for.

        Returns:
            ``{"saved": {"folder", "pictures", "page"}, "sorted": {"folder", "folders", "unchanged"}, "page"}``, of
            these what was written.

        Raises:
            RequestError: sorted copies would replace files.
            OutputError: a folder can't be written.
        """
        from zoo_predict.annotate import missing_characters, words_of
        from zoo_predict.page import write_page

        shape, written = classifier.preprocessing, dict[str, Any]()
        names = () if classifier.task.classifies else classifier.classes
        model = f"{model} ({classifier.scored})" if classifier.scored else model
        if self.sort is not None:
            copies = sort_pictures(answers, self.sort, classifier.classes, overwrite=self.overwrite)
            written["sorted"] = {"folder": str(self.sort), **copies._asdict()}
        if self.save is not None:
            make_folder(self.save)
            save_pictures(answers, picture_files([each.picture for each in answers], self.save), shape)
            write_page(answers, model, shape, self.save / PAGE, names)
            written["saved"] = {"folder": str(self.save), "pictures": len(answers), "page": str(self.save / PAGE)}
            if missing := missing_characters(words_of(each.prediction)[0] for each in answers):
                written["saved"]["no_font"] = missing
        if self.html is not None:
            write_page(answers, model, shape, self.html, names)
            written["page"] = str(self.html)
        return written

    @staticmethod
    def lines(written: dict[str, Any]) -> Iterator[str]:
        """Say what was written, a line each."""
        if saved := written.get("saved"):
            yield f"saved: {_images(saved['pictures'])} with predictions in {saved['folder']}, and {saved['page']}"
            if missing := saved.get("no_font"):
                yield f"no installed font contains {missing}: install one, such as Noto Sans CJK"
        if copies := written.get("sorted"):
            counts = sorted(copies["folders"].items(), key=lambda each: (each[0] == UNSURE, each[0]))
            shown = ", ".join(f"{n:,} in {name}/" for name, n in counts)
            there = f" ({copies['unchanged']:,} exist already)" if copies["unchanged"] else ""
            yield f"sorted into {copies['folder']}: {shown}{there}"
        if "page" in written:
            yield f"page: {written['page']}"


def _images(count: int) -> str:
    return f"{count:,} image{'' if count == 1 else 's'}"
