"""Whether a release is ready: its tag, the version in zoo/version.py and the changelog's first heading say the same.

python .ci/check_release.py v1.2.3

Ends with 1, and says what to mend, where they don't. Needs nothing but Python.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def problems(tag: str, root: Path = ROOT) -> Iterator[str]:
    """What is not ready, a sentence each."""
    source = (root / "zoo" / "version.py").read_text("utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', source, re.MULTILINE)
    if found is None:
        yield 'zoo/version.py has no line __version__ = "…".'
        return
    version = found[1]
    if tag != f"v{version}":
        yield f"The tag is {tag} and the version {version}: tag v{version}, or change zoo/version.py."
    heading = re.search(r"^## (.+)$", (root / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    told = heading[1].strip() if heading else "nothing"
    if not re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", told):
        yield f"CHANGELOG.md begins with {told!r}: its first heading must be '## {version} (YEAR-MONTH-DAY)'."


def main(words: list[str]) -> int:
    """Say what is not ready; the exit code."""
    if len(words) != 1:
        sys.stderr.write("Name the tag: python .ci/check_release.py v1.2.3\n")
        return 2
    found = list(problems(words[0]))
    sys.stdout.write("\n".join(found or [f"{words[0]} is ready."]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
