"""Execution of checks and their outcomes; no component can stop the others."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from zoo.testing.checking import Check
from zoo.testing.outcome import CheckFailed, CheckSkipped
from zoo.testing.subject import first_line

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass(frozen=True)
class Outcome:
    """Outcome of a check: passed, failed or skipped, with a message unless it passed."""

    check: Check
    outcome: str
    message: str | None
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Convert to plain data for ``--json``."""
        check = self.check
        return {
            "kind": check.kind,
            "component": check.component,
            "check": check.name,
            "outcome": self.outcome,
            "message": self.message,
            "mend": check.mend if self.outcome == FAILED else None,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class Report:
    """Outcomes of all checks, in order."""

    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> list[Outcome]:
        return [o for o in self.outcomes if o.outcome == PASSED]

    @property
    def failed(self) -> list[Outcome]:
        return [o for o in self.outcomes if o.outcome == FAILED]

    @property
    def skipped(self) -> list[Outcome]:
        return [o for o in self.outcomes if o.outcome == SKIPPED]

    @property
    def seconds(self) -> float:
        return sum(o.seconds for o in self.outcomes)


def run_checks(
    checks: Iterable[Check],
    tell: Callable[[Outcome], None] | None = None,
    begin: Callable[[Check], None] | None = None,
) -> Report:
    """Run the checks one after the other.

    Args:
        checks: the checks to run.
        tell: called with each outcome.
        begin: called with each check before it runs.
    """
    outcomes = []
    for check in checks:
        if begin is not None:
            begin(check)
        started = perf_counter()
        outcome, message = _ended(check)
        outcomes.append(Outcome(check, outcome, message, perf_counter() - started))
        if tell is not None:
            tell(outcomes[-1])
    return Report(tuple(outcomes))


def _ended(check: Check) -> tuple[str, str | None]:
    try:
        check.run()
    except CheckFailed as failure:
        return FAILED, str(failure)
    except CheckSkipped as reason:
        return SKIPPED, str(reason)
    except (Exception, SystemExit) as error:  # any exception is a failure of the component
        return FAILED, f"it raises {first_line(error)}{_where(error, check.package)}."
    return PASSED, None


def _where(error: BaseException, package: str) -> str:
    """Last line of the component's own code in the traceback."""
    home = _home(package)
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    own = [f for f in traceback.extract_tb(error.__traceback__) if home and Path(f.filename).is_relative_to(home)]
    return f" (line {own[-1].lineno} of {own[-1].filename}, in {own[-1].name})" if own else ""


def _home(package: str) -> Path | None:
    """Folder of a package, or file of a module."""
    file = getattr(sys.modules.get(package), "__file__", None)
    if file is None:
        return None
    return Path(file).parent if Path(file).name == "__init__.py" else Path(file)
