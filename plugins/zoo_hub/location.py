"""Locations of shared models: a folder, a .zip file, an https address, or the Hugging Face hub."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from zoo.errors import RequestError

__all__ = ["Hub", "Place", "Web", "check_sha256", "hub_of", "is_hub", "is_zip", "place_of"]

HUB = "hf:"
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9_.\-]{0,94}[A-Za-z0-9_])?"
_REVISION = r"[A-Za-z0-9][A-Za-z0-9_.\-/]{0,199}"
_HUB = re.compile(rf"hf:(?P<owner>{_PART})(?:/(?P<name>{_PART}))?(?:@(?P<revision>{_REVISION}))?")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_FORMS = "Give a folder, a .zip file, an https URL or hf:owner/name."


@dataclass(frozen=True)
class Hub:
    """A repository of the hub; without a ``name``, all repositories of an owner."""

    owner: str
    name: str = ""
    revision: str | None = None

    @property
    def repo(self) -> str:
        return f"{self.owner}/{self.name}"

    def __str__(self) -> str:
        return f"{HUB}{self.repo if self.name else self.owner}{f'@{self.revision}' if self.revision else ''}"


@dataclass(frozen=True)
class Web:
    """An https address of a folder with a manifest, or of a .zip file."""

    url: str
    sha256: str | None = None

    def __str__(self) -> str:
        return self.url


Place = Path | Hub | Web


def is_hub(word: str) -> bool:
    """Check for a location on the hub."""
    return word.startswith(HUB)


def is_zip(word: str | Path) -> bool:
    """Check for a path or address of a .zip file with a whole model."""
    return str(word).lower().endswith(".zip")


def place_of(word: str) -> Place:
    """Parse a location.

    Raises:
        RequestError: the word is an address of an unsupported scheme, or malformed.
    """
    if is_hub(word):
        return hub_of(word, named=False)
    scheme = urlsplit(word).scheme if "://" in word else ""
    if scheme == "https":
        url, _, fragment = word.partition("#")
        return Web(url, check_sha256(fragment.removeprefix("sha256=")) if fragment else None)
    if scheme:
        more = " Plain http is not secure." if scheme == "http" else ""
        raise RequestError(f"{word!r} is not a location for models.{more} {_FORMS}")
    return Path(word).expanduser()


def hub_of(word: str, *, named: bool = True) -> Hub:
    """Parse ``hf:owner/name``, with an optional ``@revision``.

    Args:
        word: text to parse.
        named: require a name; otherwise an owner alone is accepted.

    Raises:
        RequestError: the word does not have this form.
    """
    found = _HUB.fullmatch(word)
    if (
        found is None
        or any(two in word.partition("@")[0] for two in ("..", "--"))
        or ".." in (found["revision"] or "")
        or (not found["name"] and (named or found["revision"]))
    ):
        raise RequestError(
            f"{word!r} is not a model of the hub: give hf:owner/name, or hf:owner/name@revision with a branch, a "
            "tag or a commit."
        )
    return Hub(found["owner"], found["name"] or "", found["revision"])


def check_sha256(word: str) -> str:
    """Normalise a hexadecimal SHA-256 to lower case.

    Raises:
        RequestError: it is malformed.
    """
    if not _SHA256.fullmatch(word):
        raise RequestError(
            f"{word!r} is not a SHA-256 of 64 hexadecimal digits, the digest printed by `zoo models push`."
        )
    return word.lower()
