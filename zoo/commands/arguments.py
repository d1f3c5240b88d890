"""What click can't say of ``zoo``'s arguments."""

from __future__ import annotations

from pathlib import Path

RESUME_NAMED = "."
"""What ``--resume`` is given where no run follows it: the run that ``--name`` says, or the newest."""


def tidy_arguments(words: list[str]) -> list[str]:
    """``--resume`` takes a run or none; where none follows, it is given the word for the one that is named."""
    tidy: list[str] = []
    named = any(word == "--name" or word.startswith("--name=") for word in words)
    for i, word in enumerate(words):
        tidy.append(word)
        following = words[i + 1] if i + 1 < len(words) else "-"
        if word == "--resume" and (following.startswith("-") or (named and not _is_run(words, following))):
            tidy.append(RESUME_NAMED)
    return tidy


def _is_run(words: list[str], word: str) -> bool:
    out = Path(words[words.index("--out") + 1]) if "--out" in words[:-1] else Path("runs")
    return any((path / "job.yaml").is_file() for path in (Path(word), out / word))
