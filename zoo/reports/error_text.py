"""Messages on a terminal: a coloured prefix, a hanging indent, and each command on its own line, to be copied whole."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

__all__ = ["error_lines", "split_commands"]

_COMMAND = re.compile(
    r"(?:: |\(|— |\bor |\b[Tt]ype )(?P<command>(?:(?:zoo|zoo-run|pip install|python3? -m|torchrun) |export [A-Z]).+?)"
    r"(?=\.?$|\. (?=[A-Z])|;|,(?= )|\)|  | — )"
)
_SEE = re.compile(r"(?:^|(?:;|,| —)? )(?:[Ss]ee|[Tt]ype|or):?$|[;,]? or$")
"""Words that announce a command: its own line says the same."""


def error_lines(text: str, console: Console, colour: str) -> Iterator[Text]:
    """Lay out a message of one or more paragraphs; words are never broken, except in a script without spaces."""
    prefix = Text("zoo: ", f"bold {colour}")
    for paragraph in text.splitlines():
        bullet = re.match(r"\s*(?:[·•→-] )?", paragraph)
        lead = bullet[0] if bullet else ""
        for line in _lines(paragraph[len(lead) :], console, max(30, min(console.width, 100) - len(prefix) - len(lead))):
            yield Text.assemble(prefix, lead, line)
            prefix, lead = Text(" " * len(prefix)), " " * len(lead)


def _lines(paragraph: str, console: Console, width: int) -> Iterator[Text]:
    for piece, is_command in split_commands(paragraph):
        if is_command:
            yield Text(f"  {piece}", "bold")
        elif cell_len(piece) > len(piece):
            yield from Text(piece).wrap(console, width)
        else:
            yield from map(Text, textwrap.wrap(piece, width, break_long_words=False, break_on_hyphens=False))


def split_commands(text: str) -> list[tuple[str, bool]]:
    """Split one line into prose and the commands in it, each with whether it is a command.

    A command begins after a colon, a dash or a parenthesis, and ends with the sentence or the clause.
    """
    pieces: list[tuple[str, bool]] = []
    end = 0
    for found in _COMMAND.finditer(text):
        pieces += _prose(_SEE.sub("", text[end : found.start("command")].rstrip("( ")), after_command=bool(end))
        pieces.append((found["command"].rstrip(), True))
        end = found.end("command")
    return [*pieces, *_prose(text[end:], after_command=bool(end))]


def _prose(text: str, *, after_command: bool) -> list[tuple[str, bool]]:
    """A piece of prose, without the punctuation that ended the command before it; none where nothing is left."""
    kept = re.sub(r"^[.;,)]*(?:\s|$)", "", text).strip() if after_command else text.strip()
    return [(kept, False)] if kept else []
