"""Is this what the page says was printed? The words have to be the same, the figures need not.

What a page shows and what a command prints are compared as words in their order, after

* numbers, percentages, durations, dates, versions and hashes have each become one sign, whatever their value;
* what only draws (bars, sparklines, rules, stars) is gone, and with it white space and where a line is wrapped;
* the cell of a count that is 0 (``·``) has become that of any other, and so has what ``zoo runs compare`` says of a
  difference, for on which side of 0.05 a p lies is a figure too; only its sentence for "p < 0.0001" stays as it is,
  unless the same run is the better one on both sides;
* the run in a row of a leaderboard has become one sign, for which of two equals comes first is a figure too, and so has
  the best of merged runs, of groups and of detectors;
* epoch lines that follow each other have become one, for another processor may need another number of them to stop
  early, and so have lines of nothing but numbers;
* rows of a name and figures may come in another order, for a rank is a figure too.

A line ``…`` on the page stands for any number of lines, none too. Beside that, on a line with ``completed`` (the end of
a run) a percentage may be another by ``POINTS`` at the most: a page must not praise what no longer comes out.
"""

from __future__ import annotations

import difflib
import re
from itertools import groupby, pairwise

GAP = "…"
POINTS = 10.0
RESEMBLES = 0.6  # of a line that was reworded
DRAWN = re.compile(r"[─━╸╺│┃╭╮╰╯┌┐└┘├┤┬┴┼═▁▂▃▄▅▆▇█▏▎▍▌▋▊▉★]+")
PROGRESS = re.compile(r"^[.sFxX]+ +\[ *\d+%\]$")  # pytest's dots
DURATION = re.compile(
    r"(?<![\w.])(?:\d+ h \d+ min|\d+ min(?: \d+ s)?|\d+(?:\.\d+)? ?m?s|\d+(?:\.\d+)?[mh]|\d+:\d\d(?::\d\d)?)(?!\w)"
)
MASKS = (
    (re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?"), "#"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}\b"), "#"),
    (DURATION, "#s"),
    (re.compile(r"(?:< )?(?<![\w.#])[-+−]?\d+(?:,\d{3})*(?:\.\d+)*(?:e[-+]?\d+)?(?:%|x(?!\w))?(?![\w])"), "#"),
)
CELL = re.compile(r"(?<=  )·(?=  |$)")
JUDGED = (
    (re.compile(r"(?<=  )(?:differs|no significant difference)$"), "#judged"),
    (re.compile(r"^\S+ against \S+: no significant difference in accuracy \(p = (?=#)"), "#judged"),
    (re.compile(r"^# +\S+(?= +# +#–#)"), "# #ranked"),
    (re.compile(r"\b(?:no|a) significant difference(?=\.?$)"), "#judged"),
    (re.compile(r"the best single run \(\S+\)"), "the best single run (#ranked)"),
    (re.compile(r"Best: \S+, (?=#)"), "Best: #ranked, "),
    (re.compile(r"^\S+ finds (?=# of the foreign images)"), "#ranked finds "),
    (re.compile(r"^Kinds of foreign images +with \S+$"), "Kinds of foreign images with #ranked"),
    (re.compile(r"^\S+ is better than \S+ by # points? of accuracy \(p = (?=#)"), "#judged"),
)
CLAIM = re.compile(r"^(\S+ is better than \S+ by .* \(p) < ")
BETTER = re.compile(r"^\S+ is better than \S+ by ")
NAMED = re.compile(r"^\S+((?: (?:#s?|#–#))+)$")
WRAPPED = re.compile(r"(?<!\S)(?:#s|# (?:h|min|s|ms))(?: (?:#s|# (?:h|min|s|ms)|(?:min|s)))*(?!\S)")
PERCENT = re.compile(r"(\d+(?:\.\d+)?)(?: ± \d+(?:\.\d+)?)?%")
EPOCH = re.compile(r"^epoch #/#")
ROW = re.compile(r"^(?:(?:#s?|·|–) )+(?:#s?|·|–)$")


def masked(line: str) -> str:
    """A line without what may differ: its words, and ``#`` for each figure."""
    if PROGRESS.match(line):
        return ""
    line = CELL.sub("#", DRAWN.sub(" ", line.rstrip()))
    for mask, sign in (*MASKS, *JUDGED):
        line = mask.sub(sign, line)
    line = " ".join(line.split())
    return line.removesuffix(" best") if EPOCH.match(line) else line


def repeats(line: str) -> bool:
    """May a masked line come any number of times?"""
    return bool(EPOCH.match(line) or ROW.match(line))


def shortened(lines: list[str]) -> list[str]:
    """Masked lines, where each that may repeat and follows one like it is left out, gaps between the two as well."""
    kept: list[str] = []
    for line in lines:
        row = "#row" if ROW.match(line) else line
        if repeats(line):
            before = next((other for other in reversed(kept) if other != GAP), None)
            if before == row:
                while kept[-1] == GAP:
                    kept.pop()
                continue
        kept.append(row)
    return kept


def segments(lines: list[str]) -> list[list[str]]:
    """The lines between gaps."""
    parts: list[list[str]] = [[]]
    for line in lines:
        if line == GAP:
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def find(part: list[str], text: list[str], start: int) -> int | None:
    """Where ``part`` begins in ``text``, from ``start`` on."""
    return next((i for i in range(start, len(text) - len(part) + 1) if text[i : i + len(part)] == part), None)


def places(parts: list[list[str]], text: list[str]) -> list[int] | None:
    """Where each part begins, in order; the first at the start, the last at the end. ``None`` if they are not there."""
    if len(parts) == 1:
        return [0] if parts[0] == text else None
    last = len(text) - len(parts[-1])
    if text[: len(parts[0])] != parts[0] or text[last:] != parts[-1]:
        return None
    found, at = [0], len(parts[0])
    for part in parts[1:-1]:
        start = find(part, text[:last], at)
        if start is None:
            return None
        found.append(start)
        at = start + len(part)
    return [*found, last] if at <= last else None


def agreeing(lines: list[str], others: list[str]) -> list[str]:
    """The lines, where a claim that the others make too is no longer one of a p below 0.0001."""
    claims = {found[0] for line in others if (found := BETTER.match(line))}
    return [
        CLAIM.sub(r"\1 = ", line) if (found := BETTER.match(line)) and found[0] in claims else line for line in lines
    ]


def sorted_rows(lines: list[str]) -> list[str]:
    """Masked lines, where rows of a name and as many figures that follow each other are in the order of their names."""
    kept: list[str] = []
    for figures, rows in groupby(lines, lambda line: found[1] if (found := NAMED.match(line)) else None):
        together = list(rows)
        kept += sorted(together) if figures else together
    return kept


def words(lines: list[str]) -> list[str]:
    """Masked lines as words; a duration that was wrapped, as one."""
    return WRAPPED.sub("#s", " ".join(" ".join(lines).split())).split()


def alike(shown: list[str], printed: list[str]) -> bool:
    """Do the words agree?

    Args:
        shown: the page's lines, among them ``…``.
        printed: the command's lines.
    """
    page = [masked(line) for line in agreeing(shown, printed)]
    text = shortened([masked(line) for line in agreeing(printed, shown)])
    ways = (
        (segments(shortened(page)), text),
        ([shortened(part) for part in segments(page)], text),
        ([sorted_rows(part) for part in segments(shortened(page))], sorted_rows(text)),
    )
    return any(places([words(part) for part in parts], words(lines)) is not None for parts, lines in ways)


def ends(lines: list[str]) -> list[float]:
    """Percentages on the lines on which a run is completed."""
    return [float(p) for line in lines if "completed" in line for p in PERCENT.findall(line)]


def far(shown: list[str], printed: list[str]) -> list[tuple[float, float]]:
    """Percentages of completed runs that are too far from one another: (the page's, the command's)."""
    page, real = ends(shown), ends(printed)
    if GAP in shown and len(page) != len(real):
        return []  # some were left out: which is which cannot be told
    return [(a, b) for a, b in zip(page, real, strict=False) if abs(a - b) > POINTS]


def ended(lines: list[str]) -> list[str]:
    """Without the blank lines at the end, which only keep commands apart."""
    return lines[: max((i for i, line in enumerate(lines, 1) if line.strip()), default=0)]


def elided(shown: list[str], printed: list[str]) -> list[str] | None:
    """What was printed, with the page's gaps left in it; ``None`` where the lines around them are not to be found."""
    shown = ended(shown)
    parts, text = segments([masked(line) for line in shown]), [masked(line) for line in printed]
    found = places(parts, text)
    if found is None:
        return None
    spans = [(start, start + len(part)) for start, part in zip(found, parts, strict=True)]
    kept = printed[slice(*spans[0])]
    for (_, end), (start, stop) in pairwise(spans):
        kept += [GAP, *printed[start:stop]] if start >= end else printed[end:stop]
    return kept


def aligned(shown: list[str], printed: list[str]) -> list[str]:
    """What was printed, with the page's gaps among changed lines: each is kept between as many lines as before."""
    shown, kept = ended(shown), []
    for _, i, j, k, m in _changes(shown, printed):
        kept += _abridged(shown[i:j], printed[k:m])
    return kept


def _abridged(shown: list[str], printed: list[str]) -> list[str]:
    """The first and the last lines as before, and in between those that resemble the lines between two gaps."""
    if GAP not in shown:
        return printed
    first, *middle, last = segments(shown)
    if len(first) + len(last) >= len(printed):
        return printed
    end = len(printed) - len(last)
    kept, rest = printed[: len(first)], printed[len(first) : end]
    for line in [line for part in middle for line in part]:
        likes = [difflib.SequenceMatcher(None, line, other).ratio() for other in rest]
        if likes and max(likes) >= RESEMBLES:
            at = likes.index(max(likes))
            kept, rest = [*kept, *[GAP] * (at > 0), rest[at]], rest[at + 1 :]
    return [*kept, *[GAP] * bool(rest), *printed[end:]]


def difference(shown: list[str], printed: list[str]) -> str:
    """What the page has (-) and what was printed (+), where the words are others."""
    shown, lines = ended(shown), []
    for tag, i, j, k, m in _changes(shown, printed):
        if tag == "equal":
            lines += [f"  {line}" for line in printed[k:m]]
        else:
            lines += [f"- {line}" for line in shown[i:j]] + [f"+ {line}" for line in printed[k:m]]
    return "\n".join(lines)


def _changes(shown: list[str], printed: list[str]) -> list[tuple[str, int, int, int, int]]:
    a, b = [masked(line) for line in shown], [masked(line) for line in printed]
    return difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
