"""Pages that a server of the zoo's gives to a browser: one file each, and what the browser may do with it."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources

__all__ = ["HEADERS", "open_page", "page_of", "policy_for"]

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
    """A package's ``page.html``, with the look of every page of the zoo."""
    text = (resources.files(package) / "page.html").read_text("utf-8")
    look = (resources.files("zoo.reports") / "page.css").read_text("utf-8")
    return text.replace("/* page.css */", look)


@cache
def policy_for(page: str, images: str = "data:") -> str:
    """What a browser may do with a page: run its own script, use its own style, ask its server; no more.

    Args:
        page: its text.
        images: where pictures may come from.
    """
    hashes: dict[str, list[str]] = {"style": [], "script": []}
    for kind, content in _INLINE.findall(page):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        hashes[kind].append(f"'sha256-{digest}'")
    allowed = "; ".join(f"{kind}-src {' '.join(each)}" for kind, each in hashes.items())
    closed = "; ".join(f"{what} 'none'" for what in ("default-src", "base-uri", "form-action", "frame-ancestors"))
    return f"{closed}; {allowed}; connect-src 'self'; img-src {images}"


def open_page(url: str) -> None:
    """Open an address in the browser, or report on stderr that there is none."""
    import sys
    import webbrowser

    if not webbrowser.open(url):
        sys.stderr.write("No browser was found; open the file manually.\n")
