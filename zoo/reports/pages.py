"""Pages, one file each: their templates, and what a browser may do with those that a server of the zoo's gives it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from zoo.reports import reading, words
from zoo.reports.plots import short_label

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

__all__ = ["HEADERS", "hover_parts", "open_page", "page_of", "policy_for", "template"]

_PART = re.compile(r"/\* (\S+\.(?:css|js)) \*/")
_INLINE = re.compile(r"<(style|script)>(.*?)</\1>", re.DOTALL)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""With every answer, beside the policy."""


@cache
def page_of(package: str) -> str:
    """A package's ``page.html`` as one file.

    Each comment ``/* NAME.css */`` or ``/* NAME.js */`` becomes the file of that name: the package's own, else a part
    of the kit (``parts.css``, ``hover.js``), else the look of every page of the zoo (``page.css``).
    """
    text = (resources.files(package) / "page.html").read_text("utf-8")
    return _PART.sub(lambda found: _part(found[1], package), text)


@cache
def _part(name: str, *packages: str) -> str:
    places = (resources.files(package) / name for package in (*packages, "zoo.reports.kit", "zoo.reports"))
    return next(place for place in places if place.is_file()).read_text("utf-8")


def hover_parts() -> dict[str, Markup]:
    """Variables of a template whose charts show their values on hover: ``hover`` (the script) and ``policy``.

    The policy allows this script by its hash, and nothing from the network::

        <meta http-equiv="Content-Security-Policy" content="{{ policy }}">
        <script>{{ hover }}</script>
    """
    from markupsafe import Markup

    script = _part("hover.js")
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src '{_hash_of(script)}'"
    return {"hover": Markup(script), "policy": Markup(policy)}


@cache
def policy_for(page: str, images: str = "data:") -> str:
    """What a browser may do with a page: run its own script, use its own style, ask its server; no more.

    Args:
        page: its text.
        images: where pictures may come from.
    """
    hashes: dict[str, list[str]] = {"style": [], "script": []}
    for kind, content in _INLINE.findall(page):
        hashes[kind].append(f"'{_hash_of(content)}'")
    allowed = "; ".join(f"{kind}-src {' '.join(each)}" for kind, each in hashes.items())
    closed = "; ".join(f"{what} 'none'" for what in ("default-src", "base-uri", "form-action", "frame-ancestors"))
    return f"{closed}; {allowed}; connect-src 'self'; img-src {images}"


def _hash_of(text: str) -> str:
    """Hash of an inline script or style for a Content-Security-Policy: ``sha256-…``."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def template(name: str, package: str = "zoo.reports") -> Template:
    """Load a template of a page, with the words of every report as filters.

    Args:
        name: its file.
        package: where the file is; what it includes, imports or extends may be one of the zoo's own.
    """
    from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader
    from markupsafe import Markup

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
    script = (resources.files("zoo.reports") / "page.js").read_text("utf-8")
    environment.globals.update(page_script=Markup(script), page_policy=_hash_of(script), **named)
    return environment.get_template(name)


def _or_none(show: Callable[[Any], str]) -> Callable[[Any], str]:
    """A filter for which a key that a document lacks is None, as it is everywhere else."""
    from jinja2 import Undefined

    return lambda value: show(None if isinstance(value, Undefined) else value)


def open_page(url: str) -> None:
    """Open an address in the browser, or report on stderr that there is none."""
    import sys
    import webbrowser

    if not webbrowser.open(url):
        sys.stderr.write("No browser was found; open the file manually.\n")
