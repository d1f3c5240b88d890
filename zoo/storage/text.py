"""Removal of control characters from external text, such as file names and messages of plugins."""

from __future__ import annotations

import re

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that a terminal interprets: control characters, line separators and bidirectional controls.

Surrogates, which stand for undecodable bytes of file names, are included.
"""


def clean_lines(text: str) -> str:
    """Replace control characters in a text of one or more lines by ``�``."""
    return OBEYED.sub("�", text)
