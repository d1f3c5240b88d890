"""Select the active trackers by ``ZOO_TRACKING`` and the installed libraries."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from importlib.util import find_spec

__all__ = ["TITLES", "VARIABLE", "choose", "installed"]

VARIABLE = "ZOO_TRACKING"
TITLES = {"tensorboard": "TensorBoard", "mlflow": "MLflow"}
_OFF = "off"
_VALID = (*TITLES, _OFF)


def installed(mlflow_uri: str | None = None) -> set[str]:
    """Find the trackers whose libraries are installed, without importing them.

    Args:
        mlflow_uri: MLflow's tracking URI. A server needs only MLflow's client, a local store also a database.
    """
    served = bool(mlflow_uri) and not str(mlflow_uri).startswith("sqlite")
    needs = {"tensorboard": ["tensorboard"], "mlflow": ["mlflow"] if served else ["mlflow", "sqlalchemy", "alembic"]}
    return {name for name, modules in needs.items() if all(map(_is_here, modules))}


def _is_here(module: str) -> bool:
    spec = find_spec(module)
    return spec is not None and spec.origin is not None  # a folder of that name in the working folder has no origin


def choose(words: str | None, here: Collection[str]) -> tuple[list[str], list[str]]:
    """Select the trackers to use.

    Args:
        words: value of ``ZOO_TRACKING``: comma-separated trackers, ``"off"``, or empty for all installed ones.
        here: the trackers whose libraries are installed.

    Returns:
        The trackers, and lines for the user.
    """
    given = list(dict.fromkeys(w.strip().lower() for w in (words or "").split(",") if w.strip()))
    if not given:
        return [t for t in TITLES if t in here], [] if here else [_nothing_here()]
    if _OFF in given:
        return [], []
    wanted = [word for word in given if word in TITLES]
    wrong = [_wrong(word, wanted) for word in given if word not in TITLES]
    return [t for t in wanted if t in here], wrong + [_missing(t) for t in wanted if t not in here]


def get(tracker: str) -> str:
    """Command that installs a tracker's library."""
    return f"pip install 'zoo-tracking[{tracker}]'"


def _nothing_here() -> str:
    return (
        f"tracking is off: neither TensorBoard nor MLflow is installed. Enable it with {get('tensorboard')} or "
        f"{get('mlflow')}, or hide this message with {VARIABLE}={_OFF}"
    )


def _missing(tracker: str) -> str:
    title = TITLES[tracker]
    return (
        f"{VARIABLE} requests {title}, which is not installed; the run continues without it. Install it: {get(tracker)}"
    )


def _wrong(word: str, wanted: Collection[str]) -> str:
    near = difflib.get_close_matches(word, _VALID, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    left = f"with {' and '.join(TITLES[t] for t in wanted)}" if wanted else "without tracking"
    return (
        f"{VARIABLE} contains {word!r}; valid are {', '.join(_VALID)} (comma-separated).{hint} This run continues "
        f"{left}"
    )
