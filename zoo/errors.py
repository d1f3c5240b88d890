"""Hierarchy of the errors that users see; each class has the exit code of its family (0, 1, 2, 130).

In a distributed run, processes that end because another one has ended exit with code 3.
"""

from __future__ import annotations


class ZooError(Exception):
    """Base class of errors that users can act on; the message has the problem, valid values and the next command."""

    exit_code = 1


class RequestError(ZooError):
    """Raised for an invalid request: a name, a parameter, a file. Nothing was started."""

    exit_code = 2


class UnknownName(RequestError):
    """Raised for a component, recipe, run or kind that does not exist."""


class JobError(RequestError):
    """Raised for a job with problems; lists all of them, one per line."""

    def __init__(self, problems: list[str]):
        self.problems = problems
        head = problems[0] if len(problems) == 1 else f"The job has {len(problems)} problems:"
        super().__init__(head if len(problems) == 1 else "\n".join([head, *(f"  · {p}" for p in problems)]))


class DataError(RequestError):
    """Raised for a dataset that is missing, empty, or does not fit the job."""


class BadImage(DataError):
    """Raised for an image that can't be decoded."""


class RegistryFileError(RequestError):
    """Raised for a registry.yaml that can't be read."""


class BundleError(RequestError):
    """Raised for a bundle that is missing, damaged, or needs a component that is not installed."""


class OutputError(ZooError):
    """Raised for a folder that can't be written, or a full disk."""


class TrainingError(ZooError):
    """Raised when training can't continue, for example with a non-finite loss."""


class PeerLost(TrainingError):
    """Raised when another process of the run has ended or hangs; the exit code distinguishes it from an own failure."""

    exit_code = 3


class ExportError(ZooError):
    """Raised for a model that can't be exported, or whose exported file disagrees with the model."""


class ContractError(ZooError):
    """Raised for a component that breaks its kind's contract, such as a wrong shape or type."""


class PluginError(ZooError):
    """Raised for a plugin that failed; always contained, shown by ``zoo plugins doctor``."""


class Interrupted(ZooError):
    """Raised for an interruption by the user or a signal; finished work is on the disk."""

    exit_code = 130


class ZooDeprecationWarning(DeprecationWarning):
    """Warning about a public name that will be removed; the message names its replacement."""
