"""Public names for plugin authors: the hook marker and the kinds of components.

A component is plain data. ``target`` names the factory as ``"package.module:attribute"`` and is imported
only when a job uses it, so describing a component costs nothing.  This module needs the standard library
and pluggy, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import pluggy

__all__ = [
    "GIVEN_PARAMETERS",
    "HEADINGS",
    "KINDS",
    "SERVICES",
    "TASKS",
    "Analysis",
    "AnalysisOption",
    "Architecture",
    "Augmentation",
    "CacheKind",
    "Command",
    "Component",
    "Dataset",
    "Display",
    "Exporter",
    "Family",
    "Finding",
    "Function",
    "HealthCheck",
    "Imported",
    "Importer",
    "Kind",
    "Loss",
    "Metric",
    "ModelSource",
    "Optimizer",
    "PictureReader",
    "PictureValues",
    "PredictionField",
    "Sampler",
    "Schedule",
    "TrainingCallback",
    "hookimpl",
]

hookimpl = pluggy.HookimplMarker("zoo")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")

SYMMETRIES = ("horizontal_flip", "vertical_flip", "rotate_90")
"""Transformations that may preserve the classes of a dataset."""
TASKS = ("single-label", "multi-label", "regression", "ordinal")
"""What a job can learn of an image: one class, any of several labels, numbers, or one of ordered classes."""
Interpolation = Literal["bilinear", "bicubic", "nearest", "lanczos", "box", "hamming"]
_INTERPOLATIONS = (None, *get_args(Interpolation))


@dataclass(frozen=True, kw_only=True)
class _Described:
    """Fields that single components and families have in common."""

    summary: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Component(_Described):
    """Declaration of a component that a job can use by name.

    Kinds without further fields are not decorated as dataclasses, since each costs a millisecond at start.

    Args:
        name: letters, digits, ``_``, ``-`` and ``.``; unique among the plugin's components of its kind.
        target: ``"package.module:attribute"``, imported on first use.
        summary: one line, shown by ``zoo list``.
        tags: words for ``zoo list --search``.
        aliases: further names of the component.
        example: parameters for a test within seconds and offline, used by ``zoo plugins check``.
        deprecated: what to use instead, as in ``"use acme/new"``; each use of the component warns.
        renamed: new names of parameters by their old names, as in ``{"width": "channels"}``. Jobs, recipes,
            registry.yaml and bundles with an old name keep working, with a ``ZooDeprecationWarning``.

    Raises:
        ValueError: the name, an alias, the target or a renamed parameter is malformed.
    """

    kind: ClassVar[str] = ""

    name: str
    target: str
    aliases: tuple[str, ...] = field(default=(), kw_only=True)
    example: Mapping[str, Any] = field(default_factory=dict, kw_only=True, compare=False, repr=False)
    deprecated: str = field(default="", kw_only=True)
    renamed: Mapping[str, str] = field(default_factory=dict, kw_only=True, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in (self.name, *self.aliases):
            check_name(name)
        check_target(self.target)
        if self.renamed and not _are_renamings(self.renamed):
            raise ValueError(f"renamed {self.renamed!r} is not of the form {{'old': 'new'}}")


@dataclass(frozen=True)
class Architecture(Component):
    """A network: ``f(num_classes, in_chans=3, **params)`` returns an ``nn.Module``.

    The module takes normalised images (N, C, H, W) float and returns logits (N, num_classes), or a mapping of tensors
    (N, …) with the key ``logits``, whose other entries losses and metrics may take by name, such as ``features``. A
    factory with an ``image_size`` parameter gets the job's, one with ``classes`` the names of the classes.

    A module or a factory with ``adapt_weights(state)`` maps the tensors of a file that have other names than the
    network's, by name, to the network's: for ``--weights FILE``.

    Args:
        input_size: side in pixels that the network was designed for; a job's default image size.
        mean, std: normalisation of pixels in 0..1 that the network expects; one value per channel, or one for all.
        interpolation: resampling filter of its training images: ``bilinear``, ``bicubic``, ``nearest``, ``lanczos``,
            ``box`` or ``hamming``; a job's default.
        crop_pct: fraction of the shorter side that a centre crop of its training images kept, 0 < x <= 1: a job then
            scales the shorter side to ``image_size / crop_pct`` and crops. None: both sides are squashed.
        num_parameters: number of parameters with 1,000 classes, for ``zoo list architectures``.
        top1: top-1 accuracy on ImageNet-1k of the default pretrained weights, in 0..1, as published.
        license: SPDX identifier of the license of the default pretrained weights.
        in_chans: numbers of channels that the network takes, such as ``(3,)`` or ``(1, 3)``; None for any.

    Raises:
        ValueError: also for an invalid interpolation, crop_pct, top1 or in_chans.
    """

    kind: ClassVar[str] = "architecture"
    input_size: int | None = field(default=None, kw_only=True)
    mean: tuple[float, ...] | None = field(default=None, kw_only=True)
    std: tuple[float, ...] | None = field(default=None, kw_only=True)
    interpolation: str | None = field(default=None, kw_only=True)
    crop_pct: float | None = field(default=None, kw_only=True)
    num_parameters: int | None = field(default=None, kw_only=True)
    top1: float | None = field(default=None, kw_only=True)
    in_chans: tuple[int, ...] | None = field(default=None, kw_only=True)
    license: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.in_chans is not None and not _are_counts(self.in_chans):
            raise ValueError(f"in_chans {self.in_chans!r} is not of the form (3,) or (1, 3)")
        if self.top1 is not None and not 0 <= self.top1 <= 1:
            raise ValueError(f"top1 {self.top1} must be a fraction in 0..1")
        if self.interpolation not in _INTERPOLATIONS:
            raise ValueError(f"interpolation {self.interpolation!r} is not one of {', '.join(_INTERPOLATIONS[1:])}")
        if self.crop_pct is not None and not 0 < self.crop_pct <= 1:
            raise ValueError(f"crop_pct {self.crop_pct} must be above 0 and at most 1")


def _are_counts(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(type(each) is int and each > 0 for each in value)


@dataclass(frozen=True)
class Dataset(Component):
    """Labelled images: ``f(root, split, **params)`` returns a map-style object.

    The object has ``len``, ``[i] -> (image, label)`` and ``.classes`` (names; a label is an integer, an index into
    them; a float is an error). An image is a PIL image, a tensor or array of numbers (C, H, W), or the ``Path`` of an
    image file.

    A multi-label dataset has ``.multilabel = True``; its labels are lists or tuples of indices, or arrays (K,) of 0
    and 1. A job's targets are then (N, K).

    A dataset of numbers has ``.task = "regression"``: ``.classes`` are then the names of the K values of an image, and
    a label is a float, or K floats. A job can also read class names that are all numbers as values or as ordered
    classes (``--task regression``, ``--task ordinal``); ``.target_name`` names their value. ``.task`` may be any of
    ``TASKS``.

    Optional attributes of the object are ``.targets`` (all labels, without decoding), ``.name_of(i)`` (name of item
    *i*: its file's path), ``.source`` (origin of the images, in a few words), ``.shards`` (file number (N,) of each
    item, where a file has many: training then reads few files at a time), ``.groups`` (group (N,) of each item: items
    of one patient, film or track stay in one split), ``.attributes`` (mapping of a name to the value (N,) of each item,
    such as the camera, for numbers by group), ``.notices`` (sentences for the user), ``.fingerprint`` (a
    string that changes with the content, for items that are no files), and ``.split_digest`` (a string that changes
    with the images and labels of any split, where a file assigns them: a run refuses to be resumed or evaluated with
    another). A factory whose splits depend on the files has
    ``available_splits(root, **params) -> tuple[str, ...]``; that of an undivided dataset is ``("train",)``, or
    ``("train", "all")``, where ``"all"`` can be evaluated. Facts for a job's defaults come from the class attributes
    ``multilabel`` and ``task``, or from ``peek(root, **params) -> dict``, which is called before the dataset is opened,
    with any of ``multilabel`` (bool), ``task`` (one of ``TASKS``), ``in_chans`` (int), ``source`` (a keyword
    for a recipe's ``when``, where images come from one of several sources), ``provisional`` (a sentence for
    ``--dry-run``, where a run may find other images) and ``first`` (the path of an image, from which the zoo reads
    ``in_chans``). Other facts are read from the opened training split: the number of images and of classes, and the
    size of some images.

    Args:
        splits: existing splits. Without ``"val"`` the runner holds out a stratified, seeded part of ``"train"``.
        in_chans: number of channels: 3 for colour, 1 for greyscale.
        input_size: side in pixels of the images, where it is the same for all.
        opens: forms of paths that the dataset opens: ``"folder"``, or suffixes such as ``".csv"``. Where several
            plugins open a form, a job has to name the dataset; one that registry.yaml gives the form goes first.
        recognises: ``"package.module:attribute"`` of ``f(path) -> bool``, for a form that holds several formats, such
            as ``.json``. It is called with each existing path of the dataset's forms, so it reads names, or the first
            bytes of a file, and its module imports neither torch nor numpy. A dataset that recognises a path goes
            before those without such a function; where two do, a job has to name the dataset.
        scheme: word before the colon of an address that the dataset opens: of ``hf:owner/name`` the factory gets
            ``owner/name`` as its parameter ``address``.
        symmetries: transformations among ``horizontal_flip``, ``vertical_flip`` and ``rotate_90`` that preserve the
            class: ``()`` for digits, letters and traffic signs, ``("horizontal_flip",)`` for most photographs, all
            three for images without orientation, such as those of satellites and microscopes. None: unknown. Default
            augmentations depend on it.

    Raises:
        ValueError: also for an unknown symmetry, a malformed ``recognises`` or scheme.
    """

    kind: ClassVar[str] = "dataset"
    splits: tuple[str, ...] = field(default=("train", "val"), kw_only=True)
    in_chans: int = field(default=3, kw_only=True)
    input_size: int | None = field(default=None, kw_only=True)
    opens: tuple[str, ...] = field(default=(), kw_only=True)
    symmetries: tuple[str, ...] | None = field(default=None, kw_only=True)
    recognises: str | None = field(default=None, kw_only=True)
    scheme: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.recognises is not None:
            check_target(self.recognises)
        if self.scheme is not None:
            check_name(self.scheme)
        if unknown := [word for word in self.symmetries or () if word not in SYMMETRIES]:
            raise ValueError(f"symmetry {unknown[0]!r} is not one of {', '.join(SYMMETRIES)}")


def _check_tasks(tasks: tuple[str, ...]) -> None:
    if unknown := [word for word in tasks if word not in TASKS]:
        raise ValueError(f"task {unknown[0]!r} is not one of {', '.join(TASKS)}")


@dataclass(frozen=True)
class Loss(Component):
    """``f(**params)`` returns ``(logits, targets) -> scalar``; targets (N,) int64, or (N, K) soft.

    A factory with a ``num_classes`` parameter gets the job's, one with ``classes`` the names of the classes. One with a
    ``multilabel`` parameter supports multi-label datasets: for True, targets are (N, K) float in 0..1, an independent
    binary label for each class.

    A loss of values declares ``tasks=("regression",)``: outputs and targets are (N, K) float, standardised by mean and
    standard deviation of the training split. One for classes and values alike has a parameter ``regression``, which is
    True for values. A loss of ordered classes declares ``tasks=("ordinal",)``. A loss that needs another number of
    outputs of the network has a factory with a function ``link(**params)`` (a static method of a class), which
    describes the outputs:

    * ``{"kind": "quantiles", "levels": [0.05, 0.5, 0.95]}``: (N, K * Q), the Q quantiles of a value beside each other.
    * ``{"kind": "corn"}``: (N, K - 1) logits of the conditional probabilities P(y > k | y >= k).
    * ``{"kind": "cumulative"}``: (N, K - 1) logits of P(y > k).

    Further parameters of the call are outputs of the network that its forward returns by that name, as in
    ``(logits, targets, features)``; a factory with a ``num_features`` parameter gets the width of ``features``. A loss
    that is a ``torch.nn.Module`` may have weights: they are trained, moved and kept in checkpoints, with a group of
    their own at the job's learning rate; they are no part of the model or of an average of its weights.

    A batch may be computed in pieces or by several processes, with the step of the whole batch. A loss that is a
    weighted mean has a method ``weight_of(targets)`` for that, which returns its divisor over these targets: a scalar
    tensor, or None for the number of images. A loss that is not a mean of its parts, such as a triplet loss over the
    images of a batch, declares ``needs_whole_batch = True``; jobs that cut a batch are refused. A trial before training
    decides for a loss with neither.

    Args:
        tasks: tasks among ``TASKS`` that the loss supports; empty for classes, and for multi-label datasets with a
            ``multilabel`` parameter. A loss of single-label classes is one of ordered classes, too.

    Raises:
        ValueError: also for an unknown task.
    """

    kind: ClassVar[str] = "loss"
    tasks: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_tasks(self.tasks)


@dataclass(frozen=True)
class Metric(Component):
    """``f(num_classes, **params)`` returns ``update(logits, targets)``, ``compute()``, ``reset()``.

    Targets are (N,) int64. A factory with a ``multilabel`` parameter supports multi-label datasets: for True, targets
    are (N, K) float of 0 and 1. One with a ``classes`` parameter gets the names of the classes. Further parameters of
    ``update`` are outputs of the network, as for a loss.

    A metric of values declares ``tasks=("regression",)``: predictions and targets are (N, K) float in the data's own
    units. One of ordered classes declares ``tasks=("ordinal",)``: log-probabilities (N, K) and targets (N,).

    Args:
        higher_is_better: a higher value is better.
        tasks: as of a ``Loss``.

    Raises:
        ValueError: also for an unknown task.
    """

    kind: ClassVar[str] = "metric"
    higher_is_better: bool = field(default=True, kw_only=True)
    tasks: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_tasks(self.tasks)


class Augmentation(Component):
    """``f(size, **params)`` returns ``(images, targets) -> (images, targets)``.

    It transforms a batch on the batch's device, with independent random numbers for every sample: images
    (N, C, H, W) float in 0..1, before normalisation; targets (N,) int64, (N, K) soft, or the values (N, K) of a
    regression, standardised. A factory with a
    ``num_classes`` parameter gets the job's, one with ``classes`` the names of the classes; augmentations that mix
    images return soft targets.
    """

    kind: ClassVar[str] = "augmentation"


@dataclass(frozen=True)
class Optimizer(Component):
    """``f(params, lr, **params)`` returns a ``torch.optim.Optimizer``; params may be parameter groups.

    An optimizer whose ``step`` requires a ``closure``, or whose class has ``needs_closure = True``, gets one after the
    gradients of a batch have been computed: it clears them, computes those of the same batch again, and returns the
    loss. One with ``train()`` and ``eval()`` has two sets of weights: ``train()`` is called before an epoch's steps,
    ``eval()`` after them; which one was called last belongs into its ``state_dict``.

    Args:
        lr, weight_decay: values that the optimizer was designed for, for small networks from scratch. Where a job uses
            another optimizer than its recipe, the recipe's values are scaled by the ratio of the two optimizers'.
    """

    kind: ClassVar[str] = "optimizer"
    lr: float | None = field(default=None, kw_only=True)
    weight_decay: float | None = field(default=None, kw_only=True)


class Schedule(Component):
    """``f(optimizer, total_steps, **params)`` returns an ``LRScheduler``, stepped after every optimizer step.

    An optional method ``epoch_ended(value, higher_is_better)`` is called after each epoch's evaluation with the value
    that the job monitors (``train.monitor``); its state belongs in ``state_dict``.
    """

    kind: ClassVar[str] = "schedule"


class Sampler(Component):
    """``f(**params)`` returns ``order(epoch) -> indices``: the items of a training epoch (from 1), in their order.

    The indices (M,) int64 are of items 0..N-1; M is the same in every epoch. They depend on the arguments and the
    epoch alone, so that a resumed run continues with the same order.

    A factory gets any of these by name: ``count`` (N, the number of items), ``labels`` (N,) int64, or (N, K) of a
    multi-label dataset, ``seed`` (the job's), ``shards`` (file number (N,) of each item, or None), and ``processes``
    (that share every batch). One that takes ``labels`` supports multi-label datasets if it has a ``multilabel``
    parameter, and regressions, whose labels are (N, K) float, if it has a ``regression`` parameter.
    """

    kind: ClassVar[str] = "sampler"


class TrainingCallback(Component):
    """``f(**params)`` returns a ``zoo.api.running.Callback``, which observes the steps of a run and can change them.

    A factory gets any of these by name: ``folder`` (the run's, a ``Path``), ``classes`` (names), ``num_classes``,
    ``in_chans`` and ``image_size`` (pixels).
    """

    kind: ClassVar[str] = "callback"


@dataclass(frozen=True)
class Exporter(Component):
    """``f(bundle, path, **params)`` writes the bundle's model to ``path`` in another format.

    ``bundle`` is the folder with zoo.json and model.safetensors. A factory with a ``network`` parameter gets the
    bundle's network, in evaluation mode on the CPU; one with ``pixels`` a function ``n -> (n, size, size, C)`` of
    training images before normalisation, for calibration; and one with ``fields`` a dict of the objects that add
    fields to predictions, by the name of their attachment (see :class:`PredictionField`), whose scores the file should
    compute too. All other parameters are set by the user (``zoo export RUN FORMAT --set NAME=VALUE``); ``exported`` in
    zoo.json records them.

    The export should map images (N, H, W, C) of any size to probabilities (N, K), including resizing and normalisation.
    Images are uint8. Where the ``preprocessing`` of the card has a ``window`` ``[low, high]``, they are float32 in the
    unit of training, and the window, limited to 0..1, replaces the division by 255. ``path``, which doesn't exist, is
    the file to write, or the folder to create; a folder is moved as a whole, and gets a copy of zoo.json, by which it
    is found under any name. With a reader the export is read back and compared with the network before and after it is
    moved into place. Other files that the factory writes into the parent folder of ``path`` are moved with it; refer to
    them by name only.

    Args:
        reader: ``"package.module:attribute"`` of ``f(path)``, which opens the export with its own runtime and returns a
            function ``images (N, H, W, C) -> probabilities (N, K)`` with the bundle's zoo.json as ``card``. One with a
            ``build`` parameter gets a function ``card -> the architecture's network, with new weights``. Of a file that
            computes scores of attachments, the function has their names as ``scored``, and a method ``scores(images)``
            that returns the probabilities and a dict of the scores, (N,) float32 each. Of a regression with quantiles
            it may have a method ``quantiles(images)`` that returns (N, K, 3): the lowest, the value, and the highest.
        suffix: suffix of such files or folders; by default ``.`` and the name. Where readers of several plugins have
            one suffix, a file is opened as ``ID:PATH`` only.

    Raises:
        ValueError: also for a malformed reader.
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

    None means that the file has another format; the next importer of such files is tried. A file that importers of two
    plugins recognise is an error; the user chooses one by ``--format`` or ``--architecture``. For a file of its format
    that can't be imported it raises a ``zoo.errors.RequestError`` that says what to type next. The file is only read:
    code in it must not be run.

    A factory with an ``architecture`` parameter gets the full id that the user has named, or None; one with
    ``image_size`` the requested side in pixels, or None. One with a ``content`` parameter gets the content of a torch
    or safetensors file, a mapping that was read without running code; ``argparse.Namespace`` is the only Python class
    in it. All other parameters are set by the user.

    Args:
        suffixes: suffixes of such files, as in ``(".pth", ".pth.tar")``.

    Raises:
        ValueError: also for missing suffixes, or suffixes without a leading dot.
    """

    kind: ClassVar[str] = "importer"
    suffixes: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.suffixes or isinstance(self.suffixes, str) or not all(s.startswith(".") for s in self.suffixes):
            raise ValueError(f"suffixes {self.suffixes!r} are not of the form ('.pth', '.pth.tar')")


class Imported(NamedTuple):
    """Result of an importer; to be created with keyword arguments.

    Either ``tensors`` are the weights of an architecture that the zoo can build, or ``write`` writes a self-contained
    file in the exporter ``format``.

    Args:
        architecture: full id of the network, as in ``timm/resnet18``; with ``write``, a description of it.
        num_classes: number of outputs.
        params: parameters of the architecture's factory beyond num_classes, in_chans and image_size.
        tensors: name -> tensor, exactly the entries of the network's ``state_dict()``. Prefixes of wrappers
            (``module.``, ``_orig_mod.``) are removed.
        write: ``f(path, card)`` writes the file, which must contain ``card``, as an exported file contains zoo.json.
        format: exporter whose reader opens that file.
        classes: names in the order of the outputs; None where the file has none: the user must name them.
        preprocessing: any of ``image_size`` (pixels), ``mean`` and ``std`` (of pixels in 0..1), ``interpolation``,
            ``crop_pct``, and ``resize`` (``"crop"`` or ``"squash"``), from the file. Missing values are those of the
            architecture; options of the user override both.
        in_chans: number of channels: 3 for colour, 1 for greyscale.
        multilabel: classes are independent binary labels.
        answer: the network in the other framework: normalised images (n, C, size, size) float32 -> probabilities
            (n, K), both NumPy. The imported model must give the same results for images of noise.
        notices: sentences for the user.
        details: further provenance as plain data: ``{"epoch": 120}``.
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
    """``f(word) -> Path`` fetches the model for a word such as ``hf:owner/name``, and returns its folder.

    ``name`` is the part before the colon. The word can be used wherever a run is expected, as in
    ``zoo predict hf:owner/name photo.jpg``. The folder holds a bundle: zoo.json and model.safetensors. A model that was
    fetched before is returned without network access; for one that doesn't exist the function raises a
    ``zoo.errors.RequestError``.
    """

    kind: ClassVar[str] = "model_source"


@dataclass(frozen=True)
class PictureValues:
    """Values of an image file, as a picture reader returns them.

    Args:
        values: NumPy array (C, H, W) of real numbers, in the unit of the file.
        window: values that the file itself wants shown as black and as white; None where it states none.
        group: what the image has in common with others, such as its patient; None where it is unknown.
    """

    values: Any
    window: tuple[float, float] | None = None
    group: str | None = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """The values, for ``numpy.asarray``."""
        return self.values if dtype is None else self.values.astype(dtype)

    def __len__(self) -> int:
        """Number of channels."""
        return len(self.values)


@dataclass(frozen=True)
class PictureReader(Component):
    """``f(file) -> PictureValues`` reads an image file that neither Pillow nor NumPy can read.

    ``file`` is open for reading in binary mode, and seekable. The function raises ``OSError`` or ``ValueError`` with a
    few words for a file that it can't read: the image is then skipped, counted and named.

    Args:
        suffixes: suffixes of the files, in lower case with the dot. Pillow is asked first for those that it knows.
        needs: name of the module that the function imports.
        install: command that installs it, for messages.
        magics: position and content of bytes by which such a file is recognised where it has no name.

    Raises:
        ValueError: also for a malformed suffix.
    """

    kind: ClassVar[str] = "picture_reader"
    suffixes: tuple[str, ...] = field(default=(), kw_only=True)
    needs: str = field(default="", kw_only=True)
    install: str = field(default="", kw_only=True)
    magics: tuple[tuple[int, bytes], ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if bad := [each for each in self.suffixes if not re.fullmatch(r"\.[a-z0-9]+", each)]:
            raise ValueError(f"suffix {bad[0]!r} is not of the form '.dcm'")


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
            raise ValueError(f"fate {self.fate!r} is not one of made again, fetched again, kept")


HEADINGS = ("Train", "Use", "Data", "Inspect", "Extend", "Maintain")
"""Headings of ``zoo --help``, by task."""


class Function(Component):
    """A function for Python, called as ``zoo.NAME`` and imported on first use; its name is an identifier."""

    kind: ClassVar[str] = "function"


_OptionType = type[str] | type[int] | type[float]


class AnalysisOption(NamedTuple):
    """An option of ``zoo evaluate`` that sets a parameter of an analysis.

    Args:
        name: such as ``--strengths``.
        parameter: the parameter of the factory.
        help: one line.
        metavar: the value in ``--help``, such as ``COLUMN``; empty for a flag, which sets True.
        type: type of the value.
        several: the value is a list, separated by commas.
        in_runs: ``zoo run`` and ``zoo train`` have the option too.
    """

    name: str
    parameter: str
    help: str
    metavar: str = ""
    type: _OptionType = str
    several: bool = False
    in_runs: bool = False


@dataclass(frozen=True)
class Analysis(Component):
    """``f(**params)`` returns ``analyse(evaluated) -> Findings | None``: measurements of a model beside its metrics.

    ``evaluated`` is a ``zoo.api.running.Evaluated``: a trained model with its answers on the images of a split. An
    analysis belongs to an evaluation if one of its options is typed, or if the job lists it
    (``analyses: [{name: groups, column: camera}]``). A job's analyses are part of the run's final evaluation and of
    later ones of its own images. The object may have a method ``check(split)``, which is called before anything is
    computed, and raises a ``zoo.errors.RequestError`` where the images don't have what the analysis needs.

    Args:
        options: options of the command line.

    Raises:
        ValueError: also for a malformed option.
    """

    kind: ClassVar[str] = "analysis"
    options: tuple[AnalysisOption, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if bad := [option.name for option in self.options if not re.fullmatch(r"--[a-z][a-z0-9-]*", option.name)]:
            raise ValueError(f"option {bad[0]!r} is not of the form '--word'")


class Display(Component):
    """``f()`` returns the display of an environment that is not a terminal, such as a notebook.

    It has the methods ``active() -> bool`` (the process runs there), ``observer()`` (a ``zoo.api.running.Observer`` for
    ``zoo.run``), ``html(result) -> str`` (a ``zoo.api.Result`` as HTML without scripts), and ``show(result)`` (displays
    the result there, and prints it where the display isn't active).
    """

    kind: ClassVar[str] = "display"


class PredictionField(Component):
    """``f(facts, tensors)`` returns an object that adds fields to predictions, from an attachment of the bundle.

    An attachment (``zoo.api.models.Attachment``) whose facts have ``"prediction_field": "plugin/name"`` is given to the
    component of that id when the model is loaded. The object has the attributes ``names`` (the fields that it adds),
    ``needs_embeddings`` (bool) and ``score``: an ``nn.Module`` or function of logits (N, K), and of embeddings (N, D)
    where it needs them, that returns one number for each image, (N,) float32; and the method ``fields(scores)``, which
    returns a dict of fields for each image. The tensors are empty for an exported file that computes the score itself;
    ``score`` is then never used. A factory with a parameter ``registry`` is given the registry.
    """

    kind: ClassVar[str] = "prediction_field"


@dataclass(frozen=True)
class Command(Component):
    """A command of ``zoo``: a ``click.Command`` or ``click.Group``, imported when it is typed.

    Its options, help and completion work like those of the zoo's own commands. A function
    ``f(arguments: list[str]) -> int`` is a command too: it gets the words after its name and returns the exit code.

    A name that the core or a bundled plugin has means theirs, and one that two plugins have is an error; the full id,
    as in ``zoo acme/press``, always means the plugin's. ``zoo --help`` and ``zoo doctor`` list such names.

    Args:
        group: the group of the zoo that the command belongs to, ``runs`` or ``plugins``, as in ``zoo runs NAME``; by
            default ``zoo`` itself.
        heading: heading of ``zoo --help`` that the command is listed under, one of ``HEADINGS``; any other stands for
            ``Plugins``.
    """

    kind: ClassVar[str] = "command"
    group: str = field(default="", kw_only=True)
    heading: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class Kind:
    """Declaration of a kind of component, for the hook ``zoo_kinds``.

    Args:
        declaration: subclass of ``Component`` whose ``kind`` is the name of the kind; plugins contribute its instances
            by the hook ``zoo_components``.
        summary: one line.
        plural: the name in the plural; by default with an ``s``.
        path: the place of the kind in a job, as in ``--set PATH=NAME``; empty: no job names such components.
        choose: number of components that a job names at ``path``: ``"one"``, ``"optional"`` (one or none) or ``"many"``
            (a list in any number).
        default: name of the component where a job names none; for ``"one"``.
        option: option of ``zoo run`` for ``path``, such as ``--track``; ``ZOO_TRACK`` is then its environment variable.
        given: names of parameters that the zoo passes to a factory that has them, among ``GIVEN_PARAMETERS``; users
            can't set them.
        use: ``"package.module:attribute"`` of ``f(objects) -> zoo.api.running.Callback``, which is called with the
            objects that a job's factories made, in order. It acts on the run by the callback that it returns. With
            ``path``, ``use`` or ``repeats`` is required.
        repeats: ``"package.module:attribute"`` of ``f(objects) -> zoo.api.running.RepeatsCallback``, likewise, which
            acts on repeated runs (``--seeds``, ``--folds``) as a whole. With it alone, a single run is refused.
        checks: module that declares the checks of such components for ``zoo plugins check``, with
            ``zoo.testing.contract``.
        listed: ``zoo list`` shows such components.

    Raises:
        ValueError: the declaration has no ``kind``, or a name, ``choose``, ``use`` or ``repeats`` is malformed.
    """

    declaration: type[Component]
    summary: str = field(default="", kw_only=True)
    plural: str = field(default="", kw_only=True)
    path: str = field(default="", kw_only=True)
    choose: Literal["one", "optional", "many"] = field(default="many", kw_only=True)
    default: str | None = field(default=None, kw_only=True)
    option: str = field(default="", kw_only=True)
    given: tuple[str, ...] = field(default=(), kw_only=True)
    use: str = field(default="", kw_only=True)
    repeats: str = field(default="", kw_only=True)
    checks: str = field(default="", kw_only=True)
    listed: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        if not (isinstance(self.declaration, type) and issubclass(self.declaration, Component) and self.name):
            raise ValueError(
                f"{self.declaration!r} is not a subclass of Component with a class attribute kind = 'name'"
            )
        check_name(self.name)
        if self.choose not in ("one", "optional", "many"):
            raise ValueError(f"choose {self.choose!r} is not one of one, optional, many")
        for target in filter(None, (self.use, self.repeats)):
            check_target(target)

    @property
    def name(self) -> str:
        return self.declaration.kind

    @property
    def names(self) -> str:
        """The name in the plural."""
        return self.plural or f"{self.name}s"

    @property
    def reserved(self) -> tuple[str, ...]:
        """Names of the factory's parameters that no user can set."""
        return (*self.given, "name") if self.path else self.given


GIVEN_PARAMETERS = ("folder", "classes", "num_classes", "in_chans", "image_size")
"""Parameters that the factories of a kind of a plugin can be given (``Kind.given``)."""

KINDS: dict[str, type[Component]] = {
    cls.kind: cls
    for cls in (
        *(Dataset, Architecture, Loss, Metric, Augmentation, Optimizer, Schedule, Sampler, TrainingCallback),
        *(Exporter, Importer, Command, Analysis),
    )
}
"""Declarations of the kinds of the zoo itself; plugins declare further ones."""
SERVICES: dict[str, type[Component]] = {
    cls.kind: cls for cls in (ModelSource, PictureReader, HealthCheck, Function, Display, PredictionField)
}
"""Kinds that extend the zoo itself and that no job names."""


@dataclass(frozen=True)
class Family(_Described):
    """Many components of one kind with one factory, declared without importing their library.

    ``names`` is a packaged text file, ``"package:file.txt"``, with a name on each line. The factory has the signature
    of its kind with the member's name as first argument: ``f("resnet18", num_classes, in_chans=3, **params)``.

    A line that begins with ``#`` is a heading: fields, as ``key=value`` words, for the names below it, up to the next
    heading. Values of a tuple are separated by commas::

        # input_size=224 mean=0.5,0.5,0.5 std=0.5,0.5,0.5 interpolation=bicubic crop_pct=0.95
        vit_base_patch16_224

    A name ``BASE.WORD``, where ``BASE`` is another name of the list, is a variant, such as another set of weights. It
    can be used like any other name, with the fields of its own heading, and the factory gets the full name. Only
    listings omit variants. The variant directly below its base, if any, is the default, which ``BASE`` stands for; the
    others may be anywhere::

        resnet50
        resnet50.a1_in1k
        resnet50.a2_in1k

    Args:
        attributes: fields of all members, such as ``mean`` of architectures; headings override them.
        samples: members that ``zoo plugins check`` tests on behalf of all: small and diverse.
        gives_way: another bundled plugin's component takes precedence for a short name that both have.
        facts: packaged table ``"package:file.tsv"`` of fields that only listings show, such as ``summary`` or ``top1``;
            it is read when components are listed. Its first line is ``name`` and fields of the kind, separated by tabs;
            each other line is a member or variant with its values. A member shows the values of its default variant
            where it has none.

    Raises:
        ValueError: the kind, target, names or facts are malformed.
    """

    kind: str
    target: str
    names: str
    attributes: dict[str, Any] = field(default_factory=dict, kw_only=True)
    samples: tuple[str, ...] = field(default=(), kw_only=True)
    gives_way: bool = field(default=False, kw_only=True)
    facts: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        check_name(self.kind)
        if not isinstance(self.names, str) or self.names.count(":") != 1:
            raise ValueError(f"names {self.names!r} is not of the form 'package:file.txt'")
        if self.facts and self.facts.count(":") != 1:
            raise ValueError(f"facts {self.facts!r} is not of the form 'package:file.tsv'")
        check_target(self.target)


def _are_renamings(renamed: object) -> bool:
    """Check for a mapping of names to other names, none of which is renamed again."""
    if not isinstance(renamed, Mapping):
        return False
    words = (*renamed, *renamed.values())
    known = all(isinstance(word, str) and word.isidentifier() for word in words)
    return known and not set(renamed) & set(renamed.values())


def check_name(name: object) -> None:
    """Raise ValueError unless ``name`` is valid for a component or a plugin."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name: use letters, digits, '_', '-' and '.'")


@lru_cache(maxsize=8)  # thousands of members of a family share one target
def _is_target(text: str) -> bool:
    return _TARGET.fullmatch(text) is not None


def check_target(target: object) -> None:
    """Raise ValueError unless ``target`` has the form ``"package.module:attribute"``."""
    if not isinstance(target, str) or not _is_target(target):
        raise ValueError(f"target {target!r} is not of the form 'package.module:attribute'")
