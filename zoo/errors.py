"""The one tree of errors that users see. Each carries the exit code of its family (DESIGN: 0, 1, 2, 130).

Among the processes of one run there is 3 as well, of those that end because another has.
"""

from __future__ import annotations


class ZooError(Exception):
    """Something a user can act on: a short paragraph that says what, where, what is valid, what to type."""

    exit_code = 1


class RequestError(ZooError):
    """What was asked for is wrong: a name, a parameter, a file. Nothing was started."""

    exit_code = 2


class UnknownName(RequestError):
    """A component, recipe, run or kind that does not exist."""


class JobError(RequestError):
    """A job with problems; all of them, one a line."""

    def __init__(self, problems: list[str]):
        self.problems = problems
        head = problems[0] if len(problems) == 1 else f"The job has {len(problems)} problems:"
        super().__init__(head if len(problems) == 1 else "\n".join([head, *(f"  · {p}" for p in problems)]))


class DataError(RequestError):
    """A dataset that is missing, empty, or does not fit the job."""


class BadImage(DataError):
    """One image that can't be decoded."""


class RegistryFileError(RequestError):
    """A registry.yaml that can't be read."""


class BundleError(RequestError):
    """A bundle that is missing, damaged, or needs a component that is not here."""


class OutputError(ZooError):
    """A folder that can't be written, or a full disk."""


class TrainingError(ZooError):
    """Training can't go on: a loss that is not finite, say."""


class PeerLost(TrainingError):
    """Another process of the run has ended or hangs. Whoever started them tells this from a fault of its own."""

    exit_code = 3


class ExportError(ZooError):
    """A model that can't be written in a format, or whose file does not answer as the model does."""


class ContractError(ZooError):
    """A component breaks its kind's contract: wrong shape, wrong type."""


class PluginError(ZooError):
    """A plugin that failed; always contained, shown by ``zoo plugins doctor``."""


class Interrupted(ZooError):
    """Stopped by the user or a signal; what was finished is on the disk."""

    exit_code = 130


class ZooDeprecationWarning(DeprecationWarning):
    """A public name that will be removed; the message names its replacement."""
