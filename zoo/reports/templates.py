"""Templates of pages: their filters, and the one script that a page may run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from zoo.reports import reading, words
from zoo.reports.plots import short_label

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

__all__ = ["script_hash", "template"]


class PageScript(NamedTuple):
    """The script of a page, and its hash as a Content-Security-Policy has it."""

    text: Markup
    policy: str


@cache
def template(name: str, package: str = "zoo.reports") -> Template:
    """Load a template of a page, with the words of every report as filters.

    Args:
        name: its file.
        package: where the file is; what it includes, imports or extends may be one of the zoo's own.
    """
    from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(place, ".") for place in dict.fromkeys((package, "zoo.reports"))]),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for word in ("clean", "clock", "count", "duration", "number", "percent", "short_path", "shown"):
        environment.filters[word] = _or_none(getattr(words, word))
    environment.filters["short_label"] = _or_none(short_label)
    named = {name: getattr(reading, name) for name in ("image_name", "label_names", "on_images")}
    environment.globals.update(page_script=_page_script(), **named)
    return environment.get_template(name)


@cache
def _page_script() -> PageScript:
    from markupsafe import Markup

    text = (resources.files("zoo.reports") / "page.js").read_text("utf-8")
    return PageScript(Markup(text), script_hash(text))


def script_hash(text: str) -> str:
    """Hash of an inline script or style for a Content-Security-Policy: ``sha256-…``."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _or_none(show: Callable[[Any], str]) -> Callable[[Any], str]:
    """A filter for which a key that a document lacks is None, as it is everywhere else."""
    from jinja2 import Undefined

    return lambda value: show(None if isinstance(value, Undefined) else value)
