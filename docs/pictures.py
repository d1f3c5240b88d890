"""The pictures of the docs, and the check that each is as new as the code that it shows (``tests/test_pictures.py``).

``docs/run.svg`` is drawn from a stored result, so it can be compared with what the code draws now:

    python docs/pictures.py run runs/NAME     # take over the result of the README's run, and draw it
    python docs/pictures.py run               # draw the stored result again

A screenshot depends on templates and styles. Their digest is recorded when the screenshot is taken:

    python docs/pictures.py taken docs/serve.webp
    python docs/pictures.py taken docs/serve.webp --unchanged   # looked at: the change can't be seen in it
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
from html import unescape
from pathlib import Path

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "docs/assets/pictures.json"
RESULT, RUN = ROOT / "docs/assets/run.json", ROOT / "docs/run.svg"
TITLE = "zoo run simple_cnn cats_dogs"

STYLES = "zoo/reports/*.css"
SHOWN = {
    "docs/assets/label.webp": ("plugins/zoo_label/*.html", "plugins/zoo_label/*.css", STYLES),
    "docs/assets/labelling.webp": ("plugins/zoo_label/choice.py", "plugins/zoo_label/head.py"),
    "docs/assets/predict-page.webp": ("plugins/zoo_predict/*.j2", STYLES),
    "docs/assets/predict-saved.webp": ("plugins/zoo_predict/annotate.py",),
    "docs/assets/notebook.webp": ("plugins/zoo_notebook/*.j2", "plugins/zoo_notebook/*.css"),
    "docs/dashboard.webp": ("plugins/zoo_dashboard/*.html", STYLES),
    "docs/report.webp": ("zoo/reports/report.html.j2", STYLES),
    "docs/serve.webp": ("plugins/zoo_serve/*.html", STYLES),
}
"""Each screenshot, and the files that decide how it looks."""


def drawn() -> str:
    """The picture of the README's run as the code draws it now, without fonts from elsewhere."""
    from zoo.reports.parts import new_console
    from zoo.reports.results import render_result
    from zoo.runner.run_result import RunResult

    console = new_console(io.StringIO(), record=True, width=80, force_terminal=True)
    console.print(render_result(RunResult.read(json.loads(RESULT.read_text("utf-8"))), live=True))
    return re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title=TITLE), flags=re.DOTALL)


def texts(svg: str) -> list[str]:
    """The texts of a picture, in their order: another version of rich may draw them otherwise."""
    return [unescape(text).replace("\xa0", " ") for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def outdated() -> list[str]:
    """A sentence for each picture that is older than the code, with what to type."""
    recorded = json.loads(RECORD.read_text("utf-8"))
    found = []
    if texts(RUN.read_text("utf-8")) != texts(drawn()):
        found.append("docs/run.svg is not what the code draws: python docs/pictures.py run")
    for picture, sources in SHOWN.items():
        if recorded.get(picture, {}).get("sources") != _digest(_files(sources)):
            found.append(
                f"{picture} is older than {', '.join(sources)}: take it again, and type "
                f"python docs/pictures.py taken {picture}"
            )
    return found


def _files(patterns: tuple[str, ...]) -> list[Path]:
    files = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    assert files, f"no file is named {patterns}"
    return files


def _digest(files: list[Path]) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]


def _run(folder: str | None) -> None:
    if folder is not None:
        document = json.loads((Path(folder) / "result.json").read_text("utf-8"))
        kept = (
            "run",
            "dir",
            "status",
            "classes",
            "job",
            "splits",
            "metrics",
            "mistakes",
            "best",
            "best_epoch",
            "epochs",
        )
        kept += ("timing", "model", "recipe", "stop_reason", "notices", "sections", "schema")
        RESULT.write_text(json.dumps({key: document[key] for key in kept if key in document}, indent=1) + "\n", "utf-8")
    RUN.write_text(drawn(), "utf-8")


def _taken(picture: str, *, unchanged: bool) -> None:
    recorded = json.loads(RECORD.read_text("utf-8")) if RECORD.is_file() else {}
    now = {"picture": _digest([ROOT / picture]), "sources": _digest(_files(SHOWN[picture]))}
    if recorded.get(picture, {}).get("picture") == now["picture"] and not unchanged:
        sys.exit(f"{picture} is the picture that was recorded before: take it again, or add --unchanged")
    RECORD.write_text(json.dumps({**recorded, picture: now}, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["run", *folder] if len(folder) < 2:
            _run(folder[0] if folder else None)
        case ["taken", picture, *rest] if picture in SHOWN and rest in ([], ["--unchanged"]):
            _taken(picture, unchanged=bool(rest))
        case _:
            sys.exit(__doc__)
