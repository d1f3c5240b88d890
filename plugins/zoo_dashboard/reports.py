"""Reports of runs, served as pages that can do nothing but show themselves."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from zoo.storage import open_plain

__all__ = ["POLICY", "has_report", "read_report"]

LONGEST = 64 << 20
"""Maximum bytes of a report that is served."""
POLICY = (
    "sandbox allow-scripts; default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content security policy of a report, whoever wrote it.

Its origin is opaque, so that its scripts (values on hover) reach neither this server nor any other, open no window and
send no form.
"""


def has_report(path: Path) -> bool:
    """Check for a report: a file, not a link to one."""
    return path.is_file() and not path.is_symlink()


def read_report(path: Path) -> bytes | None:
    """Read a report; None where there is none, where it is a link to another file, or too long."""
    try:
        with open_plain(path) as file:
            opened, named = os.fstat(file.fileno()), path.lstat()
            is_link = stat.S_ISLNK(named.st_mode) or (opened.st_dev, opened.st_ino) != (named.st_dev, named.st_ino)
            return None if is_link or opened.st_size > LONGEST else file.read(LONGEST)
    except OSError:
        return None
