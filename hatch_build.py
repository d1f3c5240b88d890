"""The project's description for a package index, where README.md's links to files of this repository lead nowhere.

With ``VISIONZOO_REPOSITORY``, the https address of the repository, they become links to the files of this version, and
the project gets its addresses; the release workflow sets it. Without, they become plain words, and pictures go.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

try:
    from hatchling.metadata.plugin.interface import MetadataHookInterface
except ModuleNotFoundError:  # read by a test, say, where nothing is built
    MetadataHookInterface = object

REPOSITORY = "VISIONZOO_REPOSITORY"
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+://|#|mailto:)([^)\s]+)\)")


class Description(MetadataHookInterface):  # type: ignore[misc]
    """Gives ``readme`` and ``urls``; of an sdist, they are those that it was made with."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Called by the build, with the metadata so far."""
        repository = os.environ.get(REPOSITORY, "").rstrip("/")
        if "readme" not in metadata:
            text = (Path(self.root) / "README.md").read_text("utf-8")
            described = describe(text, repository, metadata["version"])
            metadata["readme"] = {"content-type": "text/markdown", "text": described}
        if "urls" not in metadata:
            metadata["urls"] = addresses(repository)


def describe(readme: str, repository: str, version: str) -> str:
    """README.md without a relative link.

    Args:
        repository: its https address, or nothing.
        version: whose tag is ``v`` and it.
    """

    def link(found: re.Match[str]) -> str:
        picture, text, target = found.groups()
        if not repository:
            return "" if picture else text
        return f"{picture}[{text}]({repository}/{'raw' if picture else 'blob'}/v{version}/{target})"

    return _LINK.sub(link, readme)


def addresses(repository: str) -> dict[str, str]:
    """The project's addresses; none where the repository's isn't told."""
    if not repository:
        return {}
    return {
        "Homepage": repository,
        "Documentation": f"{repository}/tree/main/docs",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        "Issues": f"{repository}/issues",
        "Security": f"{repository}/security",
    }
