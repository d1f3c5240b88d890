"""What was found, and how it is told to strangers: without secrets, and without the user's home."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "warning", "wrong"]
Remedies = tuple[tuple[str, str], ...]
_PACKAGES = {"yaml": "pyyaml", "PIL": "pillow", "sklearn": "scikit-learn"}  # modules that are called otherwise
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|AUTH|(^|_)KEY(_|$)", re.IGNORECASE)
_USER_OF_URL = re.compile(r"(\w+://)[^/\s@]+@")
_TOKENS = re.compile(r"\b(hf_|ghp_|github_pat_|glpat-|sk-)[A-Za-z0-9_\-]{8,}")


@dataclass(frozen=True)
class Diagnosis:
    """Something that was looked at.

    Args:
        group: the heading that it stands under.
        topic: what it is about, in a word or two.
        state: ``wrong`` does not work, ``warning`` works badly or soon will not.
        text: one or two sentences.
        remedies: what mends it: a word on each, and the command.
    """

    group: str
    topic: str
    state: State
    text: str
    remedies: Remedies = ()

    def as_dict(self) -> dict[str, object]:
        """For a stranger: what the user's home is called, and what opens doors, is left out."""
        remedies = [{"why": why, "command": private(command)} for why, command in self.remedies]
        words = {"group": self.group, "topic": self.topic, "state": self.state}
        return {**words, "text": private(self.text), "remedies": remedies}


@dataclass(frozen=True)
class Examination:
    """A look at one thing; a failure of the look itself is a finding too."""

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
        except Exception as error:  # a machine is stranger than any list of errors
            said = f"{type(error).__name__}: {error}"
            remedies = (("tell of this with", "zoo doctor --json"),)
            yield Diagnosis(self.group, self.topic, "warning", f"This could not be looked at ({said}).", remedies)


def secretive(name: str) -> bool:
    """Whether an environment variable's name says that its value is nobody's business."""
    return _SECRET.search(name) is not None


def without_secrets(text: str) -> str:
    """A text without what is a password or a token by its form."""
    return _TOKENS.sub(r"\1…", _USER_OF_URL.sub(r"\1…@", text))


def private(text: str) -> str:
    """The same without the path of the user's home: that is ``~``."""
    for home in {os.path.expanduser("~"), str(Path("~").expanduser().resolve())}:  # noqa: PTH111 - as it is written, too
        if len(home) > 1:
            text = re.sub(rf"(?<![\w/.~-]){re.escape(home)}(?![\w.-])", "~", text)
    return without_secrets(text)
