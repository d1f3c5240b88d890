"""The findings of ``zoo doctor``, and their redaction: without secrets, and without the user's home folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "warning", "wrong"]
Remedies = tuple[tuple[str, str], ...]
_PACKAGES = {"yaml": "pyyaml", "PIL": "pillow", "sklearn": "scikit-learn"}  # module -> distribution
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|AUTH|(^|_)KEY(_|$)", re.IGNORECASE)
_USER_OF_URL = re.compile(r"(\w+://)[^/\s@]+@")
_TOKENS = re.compile(r"\b(hf_|ghp_|github_pat_|glpat-|sk-)[A-Za-z0-9_\-]{8,}")


@dataclass(frozen=True)
class Diagnosis:
    """The result of one check.

    Args:
        group: heading of the report.
        topic: subject in a word or two.
        state: ``ok``; ``warning`` for limited or soon broken functions; ``wrong`` for broken ones.
        text: one or two sentences.
        remedies: pairs of a short explanation and a command that fixes the problem.
    """

    group: str
    topic: str
    state: State
    text: str
    remedies: Remedies = ()

    def as_dict(self) -> dict[str, object]:
        """Return the finding as plain data for a public report, with secrets and the user's home folder redacted."""
        remedies = [{"why": why, "command": private(command)} for why, command in self.remedies]
        words = {"group": self.group, "topic": self.topic, "state": self.state}
        return {**words, "text": private(self.text), "remedies": remedies}


@dataclass(frozen=True)
class Examination:
    """A check of one topic; a failure of the check itself is reported as a finding too."""

    group: str
    topic: str
    look: Callable[[], Iterator[Diagnosis]]

    def findings(self) -> Iterator[Diagnosis]:
        try:
            yield from self.look()
        except ModuleNotFoundError as error:
            package = str(error.name).partition(".")[0]
            package = _PACKAGES.get(package, package)
            text = f"The zoo needs {package}, which is not installed."
            yield Diagnosis(
                self.group, self.topic, "wrong", text, (("install it", f"python -m pip install {package}"),)
            )
        except Exception as error:  # no list of errors covers every machine
            said = f"{type(error).__name__}: {error}"
            remedies = (("report it with", "zoo doctor --json"),)
            yield Diagnosis(self.group, self.topic, "warning", f"This check failed ({said}).", remedies)


def secretive(name: str) -> bool:
    """Check for an environment variable whose name suggests a secret value."""
    return _SECRET.search(name) is not None


def without_secrets(text: str) -> str:
    """Redact tokens and passwords in URLs, recognised by their form."""
    return _TOKENS.sub(r"\1…", _USER_OF_URL.sub(r"\1…@", text))


def private(text: str) -> str:
    """Redact secrets, and replace the path of the user's home folder by ``~``."""
    for home in {os.path.expanduser("~"), str(Path("~").expanduser().resolve())}:  # noqa: PTH111 - as it is written, too
        if len(home) > 1:
            text = re.sub(rf"(?<![\w/.~-]){re.escape(home)}(?![\w.-])", "~", text)
    return without_secrets(text)
