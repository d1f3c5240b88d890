"""Public: requests, resolved jobs and components. Imports neither torch nor numpy.

Example::

    registry = components()
    resolved = resolve(make_request({"architecture": "simple_cnn", "dataset": "digits", "epochs": 2}), registry)
    print(resolved.job.train.lr, resolved.sources["train.lr"])
"""

from __future__ import annotations

from zoo.api import components
from zoo.host.failures import describe_failure, summary_of
from zoo.job.layers import OPTIONS, flatten, in_full, parse_sets
from zoo.job.request import Request, make_request
from zoo.job.resolve import Resolved, resolve
from zoo.job.schema import Job
from zoo.registry.distributions import requirement_of
from zoo.registry.docstrings import descriptions
from zoo.registry.entry import Entry, owners_of
from zoo.registry.registry import Registry
from zoo.registry.signature import accepts, check, parameters, plain
from zoo.registry.suggest import did_you_mean, listing

__all__ = [
    "OPTIONS",
    "Entry",
    "Job",
    "Registry",
    "Request",
    "Resolved",
    "accepts",
    "check",
    "components",
    "describe_failure",
    "descriptions",
    "did_you_mean",
    "flatten",
    "in_full",
    "listing",
    "make_request",
    "owners_of",
    "parameters",
    "parse_sets",
    "plain",
    "requirement_of",
    "resolve",
    "summary_of",
]
