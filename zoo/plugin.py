"""Everything a plugin author imports: the hook marker and the kinds of component.

A component is plain data. ``target`` names the factory as ``"package.module:attribute"`` and is imported
only when a job uses it, so describing a component costs nothing.  This module needs the standard library
and pluggy, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import pluggy

__all__ = [
    "KINDS",
    "SERVICES",
    "Architecture",
    "Augmentation",
    "CacheKind",
    "Command",
    "Component",
    "Dataset",
    "Exporter",
    "Family",
    "Finding",
    "HealthCheck",
    "Imported",
    "Importer",
    "Loss",
    "Metric",
    "ModelSource",
    "Optimizer",
    "Schedule",
    "hookimpl",
]

hookimpl = pluggy.HookimplMarker("zoo")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")

SYMMETRIES = ("horizontal_flip", "vertical_flip", "rotate_90")
"""Transformations under which the classes of a dataset may keep their meaning."""
Interpolation = Literal["bilinear", "bicubic", "nearest", "lanczos", "box", "hamming"]
_INTERPOLATIONS = (None, *get_args(Interpolation))


@dataclass(frozen=True, kw_only=True)
class _Described:
    """What a single component and a family have in common."""

    summary: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Component(_Described):
    """One named thing that a job can use.

    A kind without fields of its own is no dataclass again: each costs every start a millisecond.

    Args:
        name: letters, digits, ``_``, ``-`` and ``.``; unique among the plugin's components of its kind.
        target: ``"package.module:attribute"``, imported on first use.
        summary: one line, shown by ``zoo list``.
        tags: words that ``zoo list --search`` finds.
        aliases: further names for the same component.
        example: parameters with which it can be tried in seconds and without a network; ``zoo plugins check``
            uses them.

    Raises:
        ValueError: the name, an alias or the target is malformed.
    """

    kind: ClassVar[str] = ""

    name: str
    target: str
    aliases: tuple[str, ...] = field(default=(), kw_only=True)
    example: Mapping[str, Any] = field(default_factory=dict, kw_only=True, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in (self.name, *self.aliases):
            check_name(name)
        check_target(self.target)


@dataclass(frozen=True)
class Architecture(Component):
    """A network: ``f(num_classes, in_chans=3, **params)`` returns an ``nn.Module``.

    The module takes images (N, C, H, W), float, normalised, and returns logits (N, num_classes). A factory
    with an ``image_size`` parameter is given the job's.

    Args:
        input_size: side in pixels that the network is at home with; a job's default image size.
        mean, std: the normalisation it expects, for pixels in 0..1; one value for each channel, or one for all.
        interpolation: how its images were resized: ``bilinear``, ``bicubic``, ``nearest``, ``lanczos``, ``box`` or
            ``hamming``; a job's default.
        crop_pct: its images were cut out of the middle of larger ones, this share of the shorter side, 0 < x <= 1: a
            job then scales the shorter side to ``image_size / crop_pct`` and cuts. None: both sides are squashed.

    Raises:
        ValueError: also where interpolation or crop_pct is none of these.
    """

    kind: ClassVar[str] = "architecture"
    input_size: int | None = field(default=None, kw_only=True)
    mean: tuple[float, ...] | None = field(default=None, kw_only=True)
    std: tuple[float, ...] | None = field(default=None, kw_only=True)
    interpolation: str | None = field(default=None, kw_only=True)
    crop_pct: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.interpolation not in _INTERPOLATIONS:
            raise ValueError(f"interpolation {self.interpolation!r} is none of {', '.join(_INTERPOLATIONS[1:])}")
        if self.crop_pct is not None and not 0 < self.crop_pct <= 1:
            raise ValueError(f"crop_pct {self.crop_pct} is not a share above 0, up to 1")


@dataclass(frozen=True)
class Dataset(Component):
    """Labelled images: ``f(root, split, **params)`` returns a map-style object.

    The object has ``len``, ``[i] -> (image, label)`` and ``.classes`` (names; a label is an index into them). An image
    is a PIL image, a uint8 tensor or array (C, H, W), or the ``Path`` of a picture or a ``.npy`` of such an array.

    One whose images may have several labels each, or none, has ``.multilabel = True``; its labels are lists or tuples
    of indices, or arrays (K,) of 0 and 1 with a place for each class. A job's targets are then (N, K).

    The object may have ``.targets`` (all labels, without decoding), ``.name_of(i)``
    (what to call item *i*: its file's path), ``.source`` (a few words on where the images come from), ``.shards``
    (numbers (N,) of the file that each item is in, where many are in one: training reads few at a time),
    ``.groups`` (a word (N,) for each item: those of one patient, film or track are held out together, or not at all),
    ``.notices`` (what the user must be told), and ``.fingerprint`` (a word that changes with the content, for
    items that are no files). A factory whose splits depend on what lies on the disk has
    ``available_splits(root, **params) -> tuple[str, ...]``; one that is not divided may also give ``"all"``. What a
    job's defaults depend on is told before anything is opened, by a class attribute ``multilabel``, or by
    ``peek(root, **params) -> dict`` with any of ``multilabel`` (bool), ``in_chans`` (int), ``source`` (a word that a
    recipe's ``when`` may ask for, where images come from one of several sources), ``provisional`` (a sentence that
    ``--dry-run`` shows, where a run may find other images than are here) and ``first`` (the path of an image, from
    which the zoo reads ``in_chans``). What it doesn't tell is read from the training split, which is opened: the
    number of images and of classes, and the size of some images.

    Args:
        splits: what exists. Without ``"val"`` the runner holds out a stratified, seeded part of ``"train"``.
        in_chans: 3 for colour, 1 for grey.
        input_size: side in pixels of the images, where they all have one.
        opens: what paths it takes in place of a name: ``"folder"``, or suffixes such as ``".csv"``.
        symmetries: under which of ``horizontal_flip``, ``vertical_flip`` and ``rotate_90`` an image keeps its class:
            ``()`` for digits, letters and traffic signs, ``("horizontal_flip",)`` for most photographs, all three for
            images without an up, such as those of satellites and microscopes. None: unknown. Default augmentations
            follow it.

    Raises:
        ValueError: also where a symmetry is none of these.
    """

    kind: ClassVar[str] = "dataset"
    splits: tuple[str, ...] = field(default=("train", "val"), kw_only=True)
    in_chans: int = field(default=3, kw_only=True)
    input_size: int | None = field(default=None, kw_only=True)
    opens: tuple[str, ...] = field(default=(), kw_only=True)
    symmetries: tuple[str, ...] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := [word for word in self.symmetries or () if word not in SYMMETRIES]:
            raise ValueError(f"symmetry {unknown[0]!r} is none of {', '.join(SYMMETRIES)}")


class Loss(Component):
    """``f(**params)`` returns ``(logits, targets) -> scalar``; targets (N,) int64, or (N, K) soft.

    A factory with a ``num_classes`` parameter is given the job's. One with a ``multilabel`` parameter can learn
    several labels an image: where it is given True, targets are (N, K) float of 0 and 1, or soft, each class a yes or
    no of its own.

    A loss that is a weighted mean has a method ``batch_weight(targets)``: what it divides by, a scalar. So a batch can
    be computed in pieces, or by several processes, and the step is that of the whole.
    """

    kind: ClassVar[str] = "loss"


@dataclass(frozen=True)
class Metric(Component):
    """``f(num_classes, **params)`` returns ``update(logits, targets)``, ``compute()``, ``reset()``.

    Targets are (N,) int64. A factory with a ``multilabel`` parameter can measure several labels an image: where it is
    given True, targets are (N, K) float of 0 and 1.
    """

    kind: ClassVar[str] = "metric"
    higher_is_better: bool = field(default=True, kw_only=True)


class Augmentation(Component):
    """``f(size, **params)`` returns ``(images, targets) -> (images, targets)``.

    It works on the batch, on the batch's device, with its own draw for every sample: images
    (N, C, H, W) float in 0..1, before normalisation; targets (N,) int64, or (N, K) soft. A factory with a
    ``num_classes`` parameter is given the job's: what mixes images returns soft targets.
    """

    kind: ClassVar[str] = "augmentation"


@dataclass(frozen=True)
class Optimizer(Component):
    """``f(params, lr, **params)`` returns a ``torch.optim.Optimizer``; params may be parameter groups.

    Args:
        lr, weight_decay: what it is at home with, for small networks from scratch. Where a job takes it in place of its
            recipe's optimizer, the recipe's rates are scaled by the proportion of the two's.
    """

    kind: ClassVar[str] = "optimizer"
    lr: float | None = field(default=None, kw_only=True)
    weight_decay: float | None = field(default=None, kw_only=True)


class Schedule(Component):
    """``f(optimizer, total_steps, **params)`` returns an ``LRScheduler``, stepped after every optimizer step.

    It may have a method ``epoch_ended(value, higher_is_better)``, called after each epoch's evaluation with the value
    that the job monitors (``train.monitor``); what it keeps of it belongs into ``state_dict``.
    """

    kind: ClassVar[str] = "schedule"


@dataclass(frozen=True)
class Exporter(Component):
    """``f(bundle, path, **params)`` writes the bundle's model to ``path`` in another format.

    ``bundle`` is the folder with zoo.json and model.safetensors. A factory with a ``network`` parameter is given the
    bundle's network, in evaluation mode on the CPU; one with ``pixels`` a function ``n -> uint8 (n, size, size, C)``
    of training images as they are before normalisation, to read ranges from.

    The file should take uint8 images (N, H, W, C) of any size to probabilities (N, K), resize and normalisation in it.
    What has a reader is read back and compared with the network before it is kept, and once more where it is kept.
    Other files that the factory writes into the folder of ``path`` are kept beside it: name them by their names alone.

    Args:
        reader: ``"package.module:attribute"`` of ``f(path)``, which opens the file by its own runtime and returns a
            function ``uint8 (N, H, W, C) -> probabilities (N, K)`` with the bundle's zoo.json as ``card``. One with a
            ``build`` parameter is given a function ``card -> the architecture's network, with new weights``.
        suffix: what such files are called at the end; by default ``.`` and the name.

    Raises:
        ValueError: also where the reader is malformed.
    """

    kind: ClassVar[str] = "exporter"
    reader: str | None = field(default=None, kw_only=True)
    suffix: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reader is not None:
            check_target(self.reader)


@dataclass(frozen=True)
class Importer(Component):
    """``f(file, **params)`` reads a trained model of another framework: an :class:`Imported`, or None.

    None says that the file is none of its; the next importer of such files is asked. A file that is its own and can't
    be had is a ``zoo.errors.RequestError``, which says what to type next. It is only read: nothing that a file brings
    may be run.

    A factory with an ``architecture`` parameter is given the full id that the user has named, or None; one with
    ``image_size`` the side in pixels that was asked for, or None. One with a ``content`` parameter is given what a file
    of torch's or of safetensors' holds, a mapping: read already, without running code, with ``argparse.Namespace`` the
    only class of Python's in it. All other parameters are the user's to set.

    Args:
        suffixes: what such files are called at the end, as in ``(".pth", ".pth.tar")``.

    Raises:
        ValueError: also where suffixes are none, or have no dot in front.
    """

    kind: ClassVar[str] = "importer"
    suffixes: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.suffixes or isinstance(self.suffixes, str) or not all(s.startswith(".") for s in self.suffixes):
            raise ValueError(f"suffixes {self.suffixes!r} are not of the form ('.pth', '.pth.tar')")


class Imported(NamedTuple):
    """What an importer found in a file; give it by keywords.

    Either ``tensors`` are the weights of an architecture that the zoo can build, or ``write`` makes a file that
    computes by itself, as the exporter ``format`` writes such.

    Args:
        architecture: the full id of the network, as in ``timm/resnet18``; with ``write``, words for it.
        num_classes: width of its answer.
        params: what the architecture's factory is given beyond num_classes, in_chans and image_size.
        tensors: name -> tensor, all that the network's ``state_dict()`` has and no more. What wrappers put before
            every name (``module.``, ``_orig_mod.``) is taken away.
        write: ``f(path, card)`` writes the file; ``card`` is to be in it, as zoo.json is in an exported one.
        format: the exporter whose reader opens that file.
        classes: names in the order of the answer; None where the file has none: the user is asked.
        preprocessing: any of ``image_size`` (pixels), ``mean`` and ``std`` (of pixels in 0..1), ``interpolation``,
            ``crop_pct``, and ``resize`` (``"crop"`` or ``"squash"``), as the file says. What it doesn't say is the
            architecture's own; the user's words go over both.
        in_chans: 3 for colour, 1 for grey.
        multilabel: each class is a yes or no of its own.
        answer: the network as the other framework computes it: images (n, C, size, size) float32, normalised ->
            probabilities (n, K), NumPy both. What is kept must answer the same, on images of noise.
        notices: what the user must be told, a sentence each.
        details: what else is worth keeping of where it comes from, plain data: ``{"epoch": 120}``.
    """

    architecture: str
    num_classes: int
    params: Mapping[str, Any] = {}
    tensors: Mapping[str, Any] | None = None
    write: Callable[[Any, Mapping[str, Any]], None] | None = None
    format: str = ""
    classes: tuple[str, ...] | None = None
    preprocessing: Mapping[str, Any] = {}
    in_chans: int = 3
    multilabel: bool = False
    answer: Callable[[Any], Any] | None = None
    notices: tuple[str, ...] = ()
    details: Mapping[str, Any] = {}


class ModelSource(Component):
    """``f(word) -> Path``: fetch the model that a word such as ``hf:owner/name`` names, and return its folder.

    ``name`` is the part before the colon. The word stands wherever a run is expected, as in
    ``zoo predict hf:owner/name photo.jpg``. The folder holds a bundle: zoo.json and model.safetensors. A model that was
    fetched before is returned without the network; one that doesn't exist is a ``zoo.errors.RequestError``.
    """

    kind: ClassVar[str] = "model_source"


@dataclass(frozen=True)
class HealthCheck(Component):
    """``f() -> Iterable[Finding]``: check one thing that the plugin depends on, for ``zoo doctor``.

    ``name`` is the topic that the findings are listed under. A check imports nothing heavy and takes less than a
    second; an exception that it raises is reported as a finding.
    """

    kind: ClassVar[str] = "health_check"


class Finding(NamedTuple):
    """One result of a health check.

    Args:
        state: ``"ok"``, ``"warning"`` (works badly, or soon will not) or ``"wrong"`` (does not work).
        text: one or two sentences.
        remedies: pairs of a few words and the command that repairs it.
    """

    state: Literal["ok", "warning", "wrong"]
    text: str
    remedies: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class CacheKind:
    """A folder of the user's cache that a plugin fills, for ``zoo cache``.

    Args:
        name: the folder's name in the cache.
        summary: its content, in a few words.
        fate: the consequence of removing an entry: ``"made again"``, ``"fetched again"`` (from the network, or by
            hand), or ``"kept"`` (small, and never pruned).
        groups: subfolders whose members are the entries. Of two plugins with one name, both have their groups.
        whole: the folder is one entry.

    Raises:
        ValueError: the name or the fate is malformed.
    """

    name: str
    summary: str
    fate: Literal["made again", "fetched again", "kept"] = "made again"
    groups: tuple[str, ...] = ()
    whole: bool = False

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.fate not in ("made again", "fetched again", "kept"):
            raise ValueError(f"fate {self.fate!r} is none of made again, fetched again, kept")


@dataclass(frozen=True)
class Command(Component):
    """A command of ``zoo``: a ``click.Command`` or ``click.Group``, imported when it is typed.

    Its options, help and completion work like those of the zoo's own commands. A function
    ``f(arguments: list[str]) -> int`` is a command too: it gets the words after its name and returns the exit code.

    Args:
        group: the group of the zoo that the command belongs to, as in ``zoo plugins NAME``; by default ``zoo`` itself.
    """

    kind: ClassVar[str] = "command"
    group: str = field(default="", kw_only=True)


KINDS: dict[str, type[Component]] = {
    cls.kind: cls
    for cls in (
        *(Dataset, Architecture, Loss, Metric, Augmentation, Optimizer, Schedule),
        *(Exporter, Importer, Command),
    )
}
SERVICES: dict[str, type[Component]] = {cls.kind: cls for cls in (ModelSource, HealthCheck)}
"""Kinds that extend the zoo itself and that no job names."""


@dataclass(frozen=True)
class Family(_Described):
    """Many components of one kind behind one factory, without importing the library that has them.

    ``names`` is a packaged text file, ``"package:file.txt"``, a name a line. The factory is called as its
    kind's is, with the member's name put first: ``f("resnet18", num_classes, in_chans=3, **params)``.

    A line that begins with ``#`` is a heading: fields, as ``key=value`` words, of the names below it, until the next
    heading takes its place. Values of a tuple have commas between them::

        # input_size=224 mean=0.5,0.5,0.5 std=0.5,0.5,0.5 interpolation=bicubic crop_pct=0.95
        vit_base_patch16_224

    A name ``BASE.WORD``, of another name ``BASE`` of the list, is a variant of that: another set of weights, say. It is
    a name like any other wherever one is typed, with the fields of the heading that it stands under itself, and the
    factory is called with the whole of it. Only lists leave variants out. The one right below its base, if any, is the
    default one, which the base is as it stands; the others may stand anywhere::

        resnet50
        resnet50.a1_in1k
        resnet50.a2_in1k

    Args:
        attributes: fields that every member has, such as ``mean`` of architectures; a heading goes over them.
        samples: members that stand for all when ``zoo plugins check`` tries them: small and various.
        gives_way: a member's short name means another plugin's component where a bundled one has it.

    Raises:
        ValueError: the kind is unknown, or the target or names malformed.
    """

    kind: str
    target: str
    names: str
    attributes: dict[str, Any] = field(default_factory=dict, kw_only=True)
    samples: tuple[str, ...] = field(default=(), kw_only=True)
    gives_way: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is not a kind of component: {', '.join(KINDS)}")
        if not isinstance(self.names, str) or self.names.count(":") != 1:
            raise ValueError(f"names {self.names!r} is not of the form 'package:file.txt'")
        check_target(self.target)


def check_name(name: object) -> None:
    """Raise ValueError unless ``name`` can be a component's or a plugin's."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name: use letters, digits, '_', '-' and '.'")


def check_target(target: object) -> None:
    """Raise ValueError unless ``target`` looks like ``"package.module:attribute"``."""
    if not isinstance(target, str) or not _TARGET.fullmatch(target):
        raise ValueError(f"target {target!r} is not of the form 'package.module:attribute'")
