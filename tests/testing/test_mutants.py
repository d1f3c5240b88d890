"""For every check a component that breaks it and nothing else of its kind, and good ones that break none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.host.hookspecs import CONTRIBUTIONS
from zoo.plugin import (
    KINDS,
    Analysis,
    Architecture,
    Augmentation,
    Command,
    Component,
    Dataset,
    Exporter,
    Importer,
    Loss,
    Metric,
    Optimizer,
    Sampler,
    Schedule,
    TrainingCallback,
)
from zoo.registry.entry import Entry, Origin
from zoo.testing import Report, checks, checks_of, run_checks
from zoo.testing.checking import EVERY, contracts
from zoo.testing.plugins import PLUGIN

HERE = Path(__file__).parent
ORIGIN = Origin("mutants", "zoo-mutants", "1.0")
FILES = {kind: f"mutant_{hook.removeprefix('zoo_')}" for kind, hook in CONTRIBUTIONS.items()}


def part(cls: type[Component], attribute: str, **fields: Any) -> Component:
    """A component of the file that has its kind's mutants."""
    fields = {"summary": "On trial", **fields}
    return cls(attribute, f"{FILES[cls.kind]}:{attribute}", **fields)


# (where the check is declared, the check that fails, the component)
MUTANTS: list[tuple[str, str, Component]] = [
    (EVERY, "summary", part(Loss, "Good", summary="")),
    (EVERY, "summary", part(Loss, "Good", summary="One line\nand another")),
    (EVERY, "summary", part(Loss, "Good", summary="word " * 30)),
    (EVERY, "target", part(Loss, "NoSuchClass")),
    (EVERY, "target", Loss("gone", "no_such_module:Loss", summary="On trial")),
    (EVERY, "parameters from the runner", part(Metric, "OtherFirst")),
    (EVERY, "typed parameters", part(Loss, "Untyped")),
    (EVERY, "valid defaults", part(Loss, "WrongDefault")),
    (EVERY, "valid defaults", part(Loss, "NoDefault")),
    (EVERY, "example", part(Loss, "Good", example={"gama": 1.0})),
    (EVERY, "example", part(Loss, "Good", example={"gamma": "one"})),
    (EVERY, "example", part(Loss, "Good", example=["gamma"])),
    (EVERY, "docstring", part(Loss, "NoDocstring")),
    (EVERY, "source", part(Loss, "Sourceless")),
    ("architecture", "can be created", part(Architecture, "NotMade")),
    ("architecture", "can be created", part(Architecture, "no_module")),
    ("architecture", "accepts images", part(Architecture, "TakesNothing")),
    ("architecture", "accepts images", part(Architecture, "SaysItsSize", input_size=48)),
    ("architecture", "two image sizes", part(Architecture, "OneSize")),
    ("architecture", "logits", part(Architecture, "OneTooMany")),
    ("architecture", "logits", part(Architecture, "Double")),
    ("architecture", "further outputs", part(Architecture, "MeanFeatures")),
    ("architecture", "two class counts", part(Architecture, "ThreeClasses")),
    ("architecture", "greyscale images", part(Architecture, "ColourOnly")),
    ("architecture", "finite logits", part(Architecture, "Infinite")),
    ("architecture", "gradients", part(Architecture, "Detached")),
    ("architecture", "state_dict round trip", part(Architecture, "Forgetful")),
    ("architecture", "eval is deterministic", part(Architecture, "Undecided")),
    ("architecture", "batch independence in eval", part(Architecture, "Sociable")),
    ("architecture", "seeded weights", part(Architecture, "Unseeded")),
    ("architecture", "reads no named file", part(Architecture, "ReadsItsWeights")),
    ("architecture", "reads no named file", part(Architecture, "passes_all_on")),
    ("loss", "can be created", part(Loss, "NotMade")),
    ("loss", "trained weights", part(Loss, "IdleWeight")),
    ("loss", "a scalar", part(Loss, "Unreduced")),
    ("loss", "finite value", part(Loss, "Overflows")),
    ("loss", "finite gradient", part(Loss, "RootAtZero")),
    ("loss", "gradient descends", part(Loss, "Uphill")),
    ("loss", "right order", part(Loss, "AfraidOfLargeLogits")),
    ("loss", "multiple labels", part(Loss, "OneOfAll")),
    ("loss", "confident predictions", part(Loss, "FondOfDoubt")),
    ("loss", "order of samples", part(Loss, "CountsPlaces")),
    ("loss", "soft targets", part(Loss, "OtherForShares")),
    ("loss", "values", part(Loss, "FarFromValues")),
    ("loss", "outputs of the network", part(Loss, "UnknownLink", tasks=("ordinal",))),
    ("loss", "outputs of the network", part(Loss, "BrokenLink", tasks=("regression",))),
    ("loss", "finite gradient", part(Loss, "RootOfErrors", tasks=("regression",))),
    ("loss", "weight of a batch", part(Loss, "SumOfErrors", tasks=("regression",))),
    ("loss", "weight of a batch", part(Loss, "Misweighed")),
    ("loss", "weight of a batch", part(Loss, "MisweighedDraws")),
    ("loss", "weight of a batch", part(Loss, "WeighsEach")),
    ("loss", "weight of a batch", part(Loss, "WeightedLabels")),
    ("loss", "two class counts", part(Loss, "ThreeClasses")),
    ("loss", "inputs untouched", part(Loss, "Greedy")),
    ("metric", "can be created", part(Metric, "NoReset")),
    ("metric", "batch-split invariance", part(Metric, "MeanOfBatches")),
    ("metric", "reset", part(Metric, "Remembers")),
    ("metric", "range", part(Metric, "NotANumber")),
    ("metric", "better is better", part(Metric, "Errors")),
    ("metric", "better is better", part(Metric, "Good", higher_is_better=False)),
    ("metric", "repeated compute", part(Metric, "ChangesWhenAsked")),
    ("metric", "holds no graph", part(Metric, "HoldsTheGraph")),
    ("metric", "two class counts", part(Metric, "ThreeClasses")),
    ("dataset", "can be opened", part(Dataset, "NotOpened")),
    ("dataset", "can be opened", part(Dataset, "Empty")),
    ("dataset", "can be opened", part(Dataset, "Good", splits=("val", "test"))),
    ("dataset", "class names", part(Dataset, "SameName")),
    ("dataset", "label range", part(Dataset, "FromOne")),
    ("dataset", "images", part(Dataset, "Spectra")),
    ("dataset", "determinism", part(Dataset, "Random")),
    ("dataset", "targets", part(Dataset, "OtherTargets")),
    ("dataset", "ends", part(Dataset, "Endless")),
    ("dataset", "spawned workers", part(Dataset, "HoldsALambda")),
    ("dataset", "spawned workers", part(Dataset, "HoldsThisProcess")),
    ("augmentation", "can be created", part(Augmentation, "NoPair")),
    ("augmentation", "shape", part(Augmentation, "Crops")),
    ("augmentation", "dtype", part(Augmentation, "Double")),
    ("augmentation", "range", part(Augmentation, "Unclamped")),
    ("augmentation", "per-sample randomness", part(Augmentation, "AllAlike")),
    ("augmentation", "seeded", part(Augmentation, "Unseeded")),
    ("augmentation", "seeded", part(Augmentation, "AlwaysTheSame")),
    ("augmentation", "targets stay whole", part(Augmentation, "SwapsLabels")),
    ("augmentation", "targets stay whole", part(Augmentation, "LosesShares")),
    ("augmentation", "batch untouched", part(Augmentation, "InPlace")),
    ("optimizer", "can be created", part(Optimizer, "no_optimizer")),
    ("optimizer", "descends", part(Optimizer, "uphill")),
    ("optimizer", "parameter groups", part(Optimizer, "one_group")),
    ("optimizer", "learning rate", part(Optimizer, "OwnRate")),
    ("optimizer", "a checkpoint keeps its state", part(Optimizer, "Forgetful")),
    ("optimizer", "two sets of weights", part(Optimizer, "LosesItsMode")),
    ("schedule", "can be created", part(Schedule, "no_schedule")),
    ("schedule", "a rate for every step", part(Schedule, "too_high")),
    ("schedule", "short trainings learn", part(Schedule, "long_warmup")),
    ("schedule", "groups keep their rates", part(Schedule, "OneForAll")),
    ("schedule", "a checkpoint keeps its state", part(Schedule, "Forgetful")),
    ("sampler", "can be created", part(Sampler, "not_made")),
    ("sampler", "indices of items", part(Sampler, "beyond")),
    ("sampler", "equal length of epochs", part(Sampler, "growing")),
    ("sampler", "repeatable order", part(Sampler, "global_random")),
    ("callback", "can be created", part(TrainingCallback, "NotMade")),
    ("callback", "derived from Callback", part(TrainingCallback, "Duck")),
    ("callback", "events of a training", part(TrainingCallback, "Failing")),
    ("callback", "restored state", part(TrainingCallback, "Forgetful")),
    ("exporter", "writes its file", part(Exporter, "nothing")),
    ("exporter", "writes its file", part(Exporter, "stumbles")),
    ("exporter", "model untouched", part(Exporter, "renames_classes")),
    ("exporter", "model untouched", part(Exporter, "doubles_weights")),
    ("exporter", "reader agrees", part(Exporter, "save", reader="mutant_exporters:read_unscaled")),
    ("exporter", "reader agrees", part(Exporter, "save", reader="mutant_exporters:read_uncalibrated")),
    ("exporter", "reader agrees", part(Exporter, "save", reader="mutant_exporters:read_without_card")),
    ("exporter", "reader agrees", part(Exporter, "save", reader="mutant_exporters:read_one_size")),
    ("exporter", "file can be moved", part(Exporter, "save_place", reader="mutant_exporters:read_place")),
    ("command", "help", part(Command, "fails_at_help")),
    ("command", "help", part(Command, "no_summary")),
    ("command", "help", part(Command, "group_with_bad_help")),
    ("command", "help of options", part(Command, "bare_option")),
    ("importer", "foreign files", part(Importer, "takes_all", suffixes=(".mdl",))),
    ("importer", "foreign files", part(Importer, "stumbles", suffixes=(".mdl",))),
    ("importer", "file untouched", part(Importer, "writes", suffixes=(".mdl",))),
    ("importer", "file untouched", part(Importer, "changes", suffixes=(".mdl",))),
    ("importer", "runs no code", part(Importer, "unpickles", suffixes=(".mdl",))),
]
NEEDS_DATA = [
    "can be opened",
    "class names",
    "label range",
    "images",
    "determinism",
    "targets",
    "ends",
    "spawned workers",
]
# (the component, the checks that are skipped)
GOOD: list[tuple[Component, list[str]]] = [
    (part(Architecture, "Good"), []),
    (part(Architecture, "Good", example={"width": 4}), []),
    (part(Architecture, "SaysItsSize", input_size=32), ["two image sizes"]),
    (part(Architecture, "ToldItsSize"), []),
    (part(Architecture, "WithFeatures"), []),
    (part(Architecture, "ColourOnly", in_chans=(3,)), ["greyscale images"]),
    (part(Loss, "Good"), []),
    (part(Loss, "Angles"), ["right order", "confident predictions"]),
    (part(Loss, "NoDefault", example={"gamma": 2.0}), []),
    (part(Loss, "LabelsOnly"), ["soft targets"]),
    (part(Loss, "Weighted"), []),
    (part(Loss, "Drawn"), []),
    (part(Loss, "OfBatches"), ["weight of a batch"]),
    (part(Loss, "DeclaredOfBatches"), []),
    (part(Loss, "Errors", tasks=("regression",)), []),
    (part(Loss, "Errors", tasks=("single-label", "regression")), []),
    (part(Loss, "Ends", tasks=("regression",)), []),
    (part(Loss, "Above", tasks=("ordinal",)), []),
    (part(Loss, "Good", tasks=("ordinal",)), []),
    (part(Metric, "Good"), []),
    (part(Metric, "Errors", higher_is_better=False), []),
    (part(Metric, "Table"), ["better is better"]),
    (part(Metric, "Spread"), ["better is better"]),
    (part(Dataset, "Good"), []),
    (part(Dataset, "NoTargets"), ["targets"]),
    (part(Dataset, "Folder"), NEEDS_DATA),
    (part(Augmentation, "Good"), []),
    (part(Augmentation, "Mixes"), []),
    (part(Optimizer, "Good"), []),
    (part(Optimizer, "Sharp"), []),
    (part(Optimizer, "TwoWeights"), []),
    (part(Schedule, "good"), []),
    (part(Sampler, "good"), []),
    (part(TrainingCallback, "Good"), []),
    (part(Analysis, "Good"), []),
    (part(Exporter, "save"), ["reader agrees", "file can be moved"]),
    (part(Exporter, "save", reader="mutant_exporters:read"), []),
    (part(Exporter, "save_folder", reader="mutant_exporters:read_folder", suffix="_parts"), []),
    (part(Exporter, "refuses"), ["writes its file", "model untouched", "reader agrees", "file can be moved"]),
    (part(Importer, "good", suffixes=(".mdl",)), []),
    (part(Command, "good"), []),
    (part(Command, "group"), []),
    (part(Command, "function"), ["help", "help of options"]),
]


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE / "mutants")


def tried(component: Component) -> Report:
    return run_checks(checks_of(Entry(component, ORIGIN)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "component"), [pytest.param(n, c, id=f"{c.kind}-{n}-{c.name}".replace(" ", "_")) for _, n, c in MUTANTS]
)
def test_a_mutant_fails_one_check_and_no_other(name: str, component: Component):
    report = tried(component)
    assert {o.check.name: o.message for o in report.failed if o.check.name != name} == {}
    assert [o.check.name for o in report.failed] == [name]
    assert report.failed[0].message
    assert report.failed[0].check.mend


@pytest.mark.parametrize(("component", "skips"), GOOD, ids=lambda given: getattr(given, "name", ""))
def test_a_good_component_passes_all(component: Component, skips: list[str]):
    report = tried(component)
    assert [(o.check.name, o.message) for o in report.failed] == []
    assert [o.check.name for o in report.skipped] == skips


def test_every_check_has_a_mutant():
    declared = {(kind, c.name) for kind in (EVERY, *KINDS) for c in contracts(kind)}
    assert declared == {(kind, name) for kind, name, _ in MUTANTS}
    assert len(declared) > 50


def test_every_kind_has_a_good_component():
    assert {component.kind for component, _ in GOOD} == set(KINDS)


# -- what a plugin owes as a whole ------------------------------------------------------------------------

GOOD_PLUGIN = """
from zoo.plugin import Family, Loss, hookimpl

@hookimpl
def zoo_losses():
    yield Loss("good", "acme_losses:Good", summary="Cross entropy")
    yield Family("loss", "acme_losses:member", "zoo_acme:names.txt", summary="Cross entropies", samples=("two",))
"""
BROKEN_PLUGINS = {
    "loads": "import no_such_library\n" + GOOD_PLUGIN,
    "torch-free listing": "import numpy\n" + GOOD_PLUGIN,
    "samples are members": GOOD_PLUGIN.replace('("two",)', '("two", "three")'),
}
MEMBER = '''

def member(name: str, gamma: float = 1.0) -> Good:
    """A cross entropy."""
    return Good(gamma)
'''


@pytest.fixture
def install(make_plugin: Callable[..., Path]) -> Callable[[str], None]:
    """Install the plugin acme with this source; its losses are in a module of their own."""

    def write(source: str) -> None:
        losses = (HERE / "mutants" / "mutant_losses.py").read_text() + MEMBER
        site = make_plugin("acme", source, acme_losses=losses)
        (site / "names.txt").write_text("one\ntwo\n")

    return write


def test_a_good_plugin_passes_all(install: Callable[[str], None]):
    install(GOOD_PLUGIN)
    report = run_checks(checks("acme"))
    assert [(o.check.name, o.message) for o in (*report.failed, *report.skipped)] == []
    assert {o.check.component for o in report.outcomes} == {"acme", "acme/good", "acme/two"}


@pytest.mark.parametrize("name", BROKEN_PLUGINS)
def test_a_broken_plugin_fails_one_check_and_no_other(name: str, install: Callable[[str], None]):
    install(BROKEN_PLUGINS[name])
    report = run_checks(checks("acme"))
    assert [o.check.name for o in report.failed] == [name]
    assert report.failed[0].check.kind == PLUGIN


def test_every_check_of_a_plugin_has_a_mutant(install: Callable[[str], None]):
    install(GOOD_PLUGIN)
    assert {check.name for check in checks("acme") if check.kind == PLUGIN} == set(BROKEN_PLUGINS)
