"""Checks of exporters: a small model is written, read back with the exporter's reader, moved, and left unchanged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from zoo.data.decode import framed
from zoo.errors import BundleError, JobError, RequestError, ZooError
from zoo.model.bundle import Preprocessing, copied_weights
from zoo.model.exported import Artifact, open_artifact
from zoo.model.formats import suffix_of
from zoo.testing.checking import contract
from zoo.testing.outcome import fail, need, skip
from zoo.testing.sample_bundle import SampleBundle, sample_bundle
from zoo.testing.subject import Subject, first_line

KIND = "exporter"
TOLERANCE = 1e-3
"""Tolerance of float32 probabilities, as of ``zoo export``."""
COUNTS = (1, 3, 8)
OTHER_SIZE = (24, 40)
"""Height and width of images that the file has to resize."""
WRITES, UNTOUCHED, AGREES, MOVES = "writes its file", "model untouched", "reader agrees", "file can be moved"


@contract(KIND, WRITES, "Write the file, or a folder, at `path`; the factory is f(bundle, path, **params).")
def _writes(subject: Subject) -> None:
    _report(subject, WRITES)


@contract(KIND, UNTOUCHED, "Only read the bundle, and change a copy of the network: copy.deepcopy(network).")
def _leaves_the_model(subject: Subject) -> None:
    _report(subject, UNTOUCHED)


@contract(
    KIND,
    AGREES,
    "Put resizing, normalisation, temperature and softmax into the file, and zoo.json as `card`: see docs/hooks.md.",
)
def _agrees(subject: Subject) -> None:
    _report(subject, AGREES)


@contract(KIND, MOVES, "Refer to other files by their names, in the folder of the file that is opened.")
def _can_be_moved(subject: Subject) -> None:
    _report(subject, MOVES)


def _report(subject: Subject, stage: str) -> None:
    """Raise what a stage of the export raised; stages after a failed one are skipped."""
    ends: dict[str, Exception | None] = subject.once("export", lambda: _ends_of(subject))
    if stage not in ends:
        skip("it writes no file that its reader can open.")
    error = ends[stage]
    if error is not None:
        raise error


def _ends_of(subject: Subject) -> dict[str, Exception | None]:
    """Run all stages of an export on one small model, since writing some formats takes seconds."""
    subject.factory()
    ends: dict[str, Exception | None] = {}
    stages: dict[str, Callable[[_Export], None]] = {
        WRITES: _Export.write,
        UNTOUCHED: _Export.check_model,
        AGREES: _Export.read,
        MOVES: _Export.move,
    }
    with sample_bundle() as bundle:
        export = _Export(subject, bundle)
        for name, stage in stages.items():
            if ends.get(WRITES) is not None or (name == MOVES and ends[AGREES] is not None):
                break
            try:
                stage(export)
                ends[name] = None
            except Exception as error:
                ends[name] = error
    return ends


@dataclass
class _Export:
    """An export of a small bundle in the working folder."""

    subject: Subject
    bundle: SampleBundle
    home: Path = Path("export")
    files: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.files = self._content()
        self.weights = copied_weights(self.bundle.network)

    @property
    def path(self) -> Path:
        return self.home / f"model{suffix_of(self.subject.component)}"

    def write(self) -> None:
        self.home.mkdir()
        given: Any = {"network": self.bundle.network, "pixels": self.bundle.pixels}
        try:
            self.subject.make(self.bundle.folder, self.path, **given)
        except ImportError as error:
            skip(f"it needs a package that is not installed: {first_line(error)}.")
        except ZooError as error:
            if isinstance(error, RequestError) and isinstance(error.__cause__, ValueError | TypeError):
                raise error.__cause__ from None  # a mistake of the exporter, and no refusal
            which = "its parameters are invalid" if isinstance(error, JobError) else "it refuses the model"
            skip(f"{which}: {error}")
        found = sorted(each.name for each in self.home.iterdir())
        need(self.path.exists(), f"it writes nothing at {self.path.name}{f', but {found[0]}' if found else ''}.")

    def check_model(self) -> None:
        changed = sorted(name for name, content in self._content().items() if self.files.get(name) != content)
        need(not changed, f"it changes or adds {', '.join(changed)} in the folder of the bundle.")
        missing = sorted(self.files.keys() - self._content().keys())
        need(not missing, f"it removes {', '.join(missing)} from the folder of the bundle.")
        network, now = self.bundle.network, copied_weights(self.bundle.network)
        same = now.keys() == self.weights.keys() and all(torch.equal(now[k], self.weights[k]) for k in now)
        need(same, "it changes the weights of the network that it is given.")
        need(not network.training, "it leaves the network that it is given in training mode.")

    def read(self) -> None:
        artifact = self._open()
        card = self.bundle.card
        other = [name for name, value in card.items() if artifact.card.get(name) != value]
        need(not other, f"the `card` that its reader gives differs from zoo.json in {other[:1]}.")
        for count in COUNTS:
            self._compare(artifact, count)
        height, width = OTHER_SIZE
        larger = self.bundle.pixels(3).repeat(3, 1).repeat(3, 2)[:, :height, :width]
        shape = tuple(artifact(larger).shape)
        need(shape == (3, len(card["classes"])), f"for 3 images of {height}x{width} px, its reader gives {shape}.")

    def move(self) -> None:
        shutil.move(self.home, "elsewhere")
        self.home = Path("elsewhere")
        self._compare(self._open(), 3)

    def _open(self) -> Artifact:
        if getattr(self.subject.component, "reader", None) is None:
            skip("it has no reader, so that nothing can check its files: Exporter(reader='package.module:function').")
        try:
            return open_artifact(self.subject.entry, self.path, self.bundle.registry)
        except BundleError as error:
            fail(f"its reader can't open the file in {self.home}: {first_line(error.__cause__ or error)}.")

    def _compare(self, artifact: Artifact, count: int) -> None:
        """Compare the probabilities of a file with the zoo's own."""
        images = self.bundle.pixels(count)
        wanted = self.bundle.probabilities(images)
        found = torch.as_tensor(artifact(framed(images, Preprocessing(**self.bundle.card["preprocessing"]).shape)))
        shape = tuple(found.shape)
        need(shape == tuple(wanted.shape), f"for {count} images, its reader gives {shape}, not {tuple(wanted.shape)}.")
        apart = float((found - wanted).abs().max())
        need(apart < TOLERANCE, f"its probabilities differ from the model's by up to {apart:.2g}.")

    def _content(self) -> dict[str, bytes]:
        return {each.name: each.read_bytes() for each in self.bundle.folder.iterdir()}
