"""Pages that a server of the zoo's gives to a browser: one file each, and what the browser may do with it."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["HEADERS", "hover_parts", "open_page", "page_of", "policy_for"]

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
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {_hash(script)}"
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
        hashes[kind].append(_hash(content))
    allowed = "; ".join(f"{kind}-src {' '.join(each)}" for kind, each in hashes.items())
    closed = "; ".join(f"{what} 'none'" for what in ("default-src", "base-uri", "form-action", "frame-ancestors"))
    return f"{closed}; {allowed}; connect-src 'self'; img-src {images}"


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def open_page(url: str) -> None:
    """Open an address in the browser, or report on stderr that there is none."""
    import sys
    import webbrowser

    if not webbrowser.open(url):
        sys.stderr.write("There is no browser to open it in.\n")
