"""Suggestions of similar names, for messages about unknown names."""

from __future__ import annotations

from collections.abc import Iterable


def near(word: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Find the names most similar to ``word``, best first, by spelling or as a substring."""
    import difflib  # needed only when a name is wrong

    names = list(dict.fromkeys(known))
    by_lower: dict[str, str] = {}
    for name in names:
        by_lower.setdefault(name.lower(), name)
    found = [by_lower[n] for n in difflib.get_close_matches(word.lower(), by_lower, n=most, cutoff=0.6)]
    if len(word) >= 3:
        found += [name for name in names if word.lower() in name.lower() and name not in found]
    return found[:most]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Format suggestions as ``" Did you mean 'focal'?"`` with a leading space; empty without similar names."""
    return suggestion(near(word, known))


def suggestion(found: Iterable[str]) -> str:
    """Format given suggestions as :func:`did_you_mean` does."""
    found = list(found)
    return f" Did you mean {' or '.join(repr(n) for n in found)}?" if found else ""


def listing(names: Iterable[str], *, most: int = 12) -> str:
    """Join names as ``a, b, c … and 40 more``, with a maximum number of names."""
    all_names = list(names)
    text = ", ".join(all_names[:most])
    return text if len(all_names) <= most else f"{text} … and {len(all_names) - most} more"
