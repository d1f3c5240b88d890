"""Extend a trained model by classes: fit a head on features, check it, and write it as a run of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from zoo.api.commands import Interrupts
from zoo.api.images import TEST, TRAIN, VAL
from zoo.api.jobs import Registry
from zoo.api.models import Preprocessing, build_model, copied_weights, load_model
from zoo.api.running import Observer, UntrainedRun, write_untrained
from zoo.errors import RequestError
from zoo.reports.kit.pages import write_report
from zoo.runs import REPORT, check_name, hold, is_run, made_up_name
from zoo.storage import made_folder, put_folder, workplace
from zoo_extend.cost import Cost, Recall, cost_of, recalls
from zoo_extend.extension import Extension
from zoo_extend.features import Features, ModelFeatures
from zoo_extend.fitting import FittingData, fit
from zoo_extend.heads import WiderHead
from zoo_extend.identical import BATCHES, check_identical, sample
from zoo_extend.images import joined, new_splits, old_splits
from zoo_extend.network import ExtendedNetwork
from zoo_extend.pictures import class_folders
from zoo_extend.records import ExtendedJob, reject_again
from zoo_extend.report import section
from zoo_extend.source import SourceRun, find_source

__all__ = ["Extension", "ExtensionOptions", "HeadKind", "extend_run"]

HeadKind = Literal["linear", "prototypes", "knn"]
FEW = 20
"""Number of validation pictures of a class below which its recall is hardly known."""


@dataclass(frozen=True)
class ExtensionOptions:
    """Options of an extension.

    Args:
        name: name of the new run; by default a generated one.
        out: folder of the runs.
        head: how the new classes are recognised.
        refit: fit the scores of all classes, and leave the old logits out.
        data: folder of the run's dataset, where it has moved.
        device: device of the features.
        overwrite: replace an existing run of that name.
    """

    name: str | None = None
    out: Path = Path("runs")
    head: HeadKind = "linear"
    refit: bool = False
    data: Path | None = None
    device: str | None = None
    overwrite: bool = False


def extend_run(
    run: str | Path,
    folders: Sequence[str | Path],
    options: ExtensionOptions,
    *,
    registry: Registry,
    observer: Observer | None = None,
) -> Extension:
    """Add the classes of some folders to a trained model, and write the result as a run.

    Args:
        run: name or folder of a run.
        folders: a folder of pictures for each new class.
        registry: provides the run's components.
        observer: receives the progress.

    Raises:
        RequestError: the run or a folder isn't as it should be.
        DataError: pictures can't be decoded.
        TrainingError: the old logits would change.
        OutputError: the folder can't be written.
    """
    started = time.perf_counter()
    watcher = observer or Observer()
    source = find_source(run, registry, options.data, options.device)
    files = class_folders(folders, source.classes)
    places = {name: str(Path(word).expanduser().absolute()) for name, word in zip(files, folders, strict=True)}
    place = _place(options)
    with Interrupts().listening(), made_folder(options.out), workplace(place) as home:
        work = _Extending(source, files, places, options, watcher, registry)
        made = home / "run"
        made.mkdir()
        found = work.write(made, place, started)
        put_folder(made, place)
    return found


def _place(options: ExtensionOptions) -> Path:
    """The folder of the new run, which must be free or be a run to replace."""
    place = options.out / check_name(options.name or made_up_name(options.out))
    if not place.exists():
        return place
    if not options.overwrite:
        raise RequestError(
            f"{place.name!r} exists in {options.out}. Give another --name, or replace it with --overwrite."
        )
    if not is_run(place):
        raise RequestError(f"{place} is not the folder of a run; it was not changed. Choose another --name.")
    if (lock := hold(place)) is not None:
        lock.release()
    return place


class _Extending:
    """The steps of an extension."""

    def __init__(
        self,
        source: SourceRun,
        files: Mapping[str, list[Path]],
        folders: Mapping[str, str],
        options: ExtensionOptions,
        observer: Observer,
        registry: Registry,
    ):
        self.source, self.options, self.registry = source, options, registry
        self.classes = [*source.classes, *files]
        self.old = old_splits(source.resolved, source.classes, observer)
        self.new = new_splits(source.resolved, self.old, len(source.classes), files, observer)
        self.splits = joined(self.old, self.new)
        model, _ = load_model(source.bundle, registry)
        self.weights = copied_weights(model)
        self.features = ModelFeatures(source.resolved, model, len(source.classes), observer)
        self.job = ExtendedJob(source, folders, options.head, options.refit)

    def write(self, home: Path, place: Path, started: float) -> Extension:
        """Fit, check and write the run into ``home``."""
        seen = {name: self._seen(name) for name in self.splits}
        resolved = self.job.resolved(self.features.path, seen[TRAIN].values, self.registry)
        model = self._network(resolved.entry("architecture"), resolved.job.architecture.params)
        head = model.heads[-1]
        assert isinstance(head, WiderHead)
        fit(head, self._data(seen[TRAIN]))
        identical = self._check(model)
        with torch.no_grad():
            logits = {name: head(each.values, each.logits) for name, each in seen.items() if name != TRAIN}
        cost, found = self._cost(seen, logits), self._recalls(logits)
        card, notices = self._card(resolved.provenance(), logits[VAL])
        facts = {**self.job.origin(self.new), "cost": cost.document(), "recall": self._recall_document(found)}
        made = UntrainedRun(
            resolved=resolved,
            model=model,
            classes=self.classes,
            splits=self.splits,
            logits=logits,
            made=self.job.words,
            seconds=time.perf_counter() - started,
            card=card,
            result={"extended": facts},
            notices=[*self.source.notices, *self.new[TRAIN].notices, *notices, *self._notices(found)],
            sections=[section(cost, found, identical)],
        )
        result = write_untrained(made, home, place)
        write_report(result, home / REPORT)
        return Extension(result, place, cost, found, identical, facts)

    def _seen(self, split: str) -> Features:
        """Features of a split's old and new images."""
        old = self.features.of(self.old[split])
        if split == TEST:
            return old
        new = self.features.of(self.new[split])
        return Features(torch.cat([old.values, new.values]), torch.cat([old.logits, new.logits]))

    def _network(self, entry: Any, params: dict[str, Any]) -> ExtendedNetwork:
        """The extended network with the old network's weights and an empty head."""
        shape = Preprocessing(**self.source.card["preprocessing"])
        with torch.random.fork_rng(devices=[]):
            model = build_model(
                entry, params, len(self.classes), shape.in_chans, shape.image_size, classes=self.classes
            )
        assert isinstance(model, ExtendedNetwork)
        before = self.weights if self.job.extended_before else {f"base.{k}": v for k, v in self.weights.items()}
        model.load_state_dict({**model.state_dict(), **before})
        return model.eval()

    def _data(self, seen: Features) -> FittingData:
        return FittingData(seen.values, seen.logits, torch.from_numpy(self.splits[TRAIN].labels))

    def _check(self, model: nn.Module) -> str:
        """Compare the old logits with those of the old model, and say what was found."""
        if self.options.refit:
            return "old logits: fitted again, with --refit"
        old, _ = load_model(self.source.bundle, self.registry)
        shape = Preprocessing(**self.source.card["preprocessing"])
        images = sample(self.splits[VAL], shape)
        check_identical(old, model, images)
        sizes = ", ".join(map(str, BATCHES))
        return f"old logits: the same bits, on {len(images)} images in batches of {sizes}"

    def _cost(self, seen: Mapping[str, Features], logits: Mapping[str, Tensor]) -> Cost:
        count = len(self.old[VAL])
        targets = torch.from_numpy(self.old[VAL].labels)
        return cost_of(seen[VAL].logits[:count], logits[VAL][:count], targets)

    def _recalls(self, logits: Mapping[str, Tensor]) -> dict[str, Recall]:
        targets = torch.from_numpy(self.splits[VAL].labels)
        return recalls(logits[VAL], targets, self.classes, len(self.source.classes))

    def _notices(self, found: Mapping[str, Recall]) -> list[str]:
        few = [f"{name} {each.images}" for name, each in found.items() if each.images < FEW]
        if not few:
            return []
        return [f"Few pictures to validate ({', '.join(few)}): the recall of these classes is hardly known."]

    def _card(self, provenance: Mapping[str, Any], logits: Tensor) -> tuple[dict[str, Any], list[str]]:
        """Entries of zoo.json, and notices."""
        targets = torch.from_numpy(self.splits[VAL].labels)
        again, notices = reject_again(self.source.card, self.classes, self.splits[VAL].names, logits, targets)
        card = {"provenance": {**provenance, "base": self.job.base_record()}, "extended": self.job.origin(self.new)}
        return ({**card, "reject": again} if again else card), notices

    def _recall_document(self, found: Mapping[str, Recall]) -> dict[str, Any]:
        return {name: asdict(each) for name, each in found.items()}
