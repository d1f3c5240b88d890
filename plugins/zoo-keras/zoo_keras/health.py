"""Check the environment that Keras is imported in. Nothing here imports Keras."""

from __future__ import annotations

import os
from collections.abc import Iterator

from zoo.plugin import Finding


def backend() -> Iterator[Finding]:
    """Warn about a ``KERAS_BACKEND`` other than torch: the zoo trains Keras networks with torch."""
    given = os.environ.get("KERAS_BACKEND")
    if given not in (None, "torch"):
        text = f"KERAS_BACKEND is {given!r}; networks of zoo-keras need torch."
        yield Finding("warning", text, (("use torch", "export KERAS_BACKEND=torch"),))
