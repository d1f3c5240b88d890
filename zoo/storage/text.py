"""Clean text from outside, such as names of files and messages of plugins, of characters that a terminal obeys."""

from __future__ import annotations

import re

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that a terminal obeys rather than shows: control characters, separators of lines, and turns of direction;
and bytes of a file's name that are no text."""


def clean_lines(text: str) -> str:
    """Text of one or more lines, without what a terminal obeys: it is ``�``."""
    return OBEYED.sub("�", text)
