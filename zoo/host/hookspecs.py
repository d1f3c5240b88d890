"""Specifications of all hooks; a plugin implements the ones it needs with ``zoo.plugin.hookimpl``.

Contribution hooks return an iterable of components (or yield them), in any order. Lifecycle hooks watch a
run, and get read-only views. Each plugin's hooks are called separately, so that a failure doesn't affect other plugins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pluggy

from zoo.plugin import (
    Analysis,
    Architecture,
    Augmentation,
    CacheKind,
    Command,
    Component,
    Dataset,
    Display,
    Exporter,
    Family,
    Function,
    HealthCheck,
    Importer,
    Kind,
    Loss,
    Metric,
    ModelSource,
    Optimizer,
    PictureReader,
    Sampler,
    Schedule,
    TrainingCallback,
)

hookspec = pluggy.HookspecMarker("zoo")


@hookspec
def zoo_datasets() -> Iterable[Dataset | Family]:
    '''Contribute datasets.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Dataset, hookimpl

        @hookimpl
        def zoo_datasets():
            yield Dataset("stripes", "zoo_acme.stripes:Stripes", summary="Drawn stripes, across or down")

        # zoo_acme/stripes.py
        import numpy as np

        class Stripes:
            """Drawn stripes, across and down in turn.

            Args:
                count: number of images.
            """

            classes = ("across", "down")

            def __init__(self, root: str | None = None, split: str = "train", count: int = 60):
                self.count = count
                self.targets = [index % 2 for index in range(count)]

            def __len__(self):
                return self.count

            def __getitem__(self, index):
                if not 0 <= index < self.count:
                    raise IndexError(index)
                image, label = np.zeros((3, 32, 32), np.uint8), self.targets[index]
                image[:, index % 4 :: 4] = 255
                return (image.transpose(0, 2, 1) if label else image), label

    ``zoo run simple_cnn acme/stripes`` then trains on them.

    A dataset of files names the forms of paths that it opens. Where several formats share a form, a function recognises
    the dataset's own; and a scheme stands before addresses::

        yield Dataset("boxes", "zoo_acme.boxes:Boxes", opens=(".json",), recognises="zoo_acme.glance:has_boxes")
        yield Dataset("archive", "zoo_acme.archive:Archive", scheme="acme")

        # zoo_acme/glance.py
        def has_boxes(path):
            """Check for our JSON by its first characters."""
            with path.open(encoding="utf-8") as file:
                return '"acme_boxes"' in file.read(1000)

    ``zoo run simple_cnn scenes.json`` then opens ``acme/boxes`` if the file is such a one, and ``zoo run simple_cnn
    acme:2026/birds`` opens ``acme/archive`` with the parameter ``address="2026/birds"``.
    '''
    return ()


@hookspec
def zoo_architectures() -> Iterable[Architecture | Family]:
    '''Contribute architectures.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Architecture, hookimpl

        @hookimpl
        def zoo_architectures():
            yield Architecture("tiny", "zoo_acme.networks:tiny", summary="Two convolutions", input_size=32)

        # zoo_acme/networks.py
        from torch import nn

        def tiny(num_classes: int, in_chans: int = 3, width: int = 16):
            """Build two convolutions with batch norm, and a linear layer.

            Args:
                width: channels of both convolutions.
            """
            convolutions = (nn.Conv2d(in_chans, width, 3, stride=2), nn.Conv2d(width, width, 3, stride=2))
            stages = [nn.Sequential(each, nn.BatchNorm2d(width), nn.ReLU()) for each in convolutions]
            return nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes))

    ``zoo run acme/tiny digits --set architecture.width=32`` then trains it.
    '''
    return ()


@hookspec
def zoo_losses() -> Iterable[Loss | Family]:
    '''Contribute losses.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Loss, hookimpl

        @hookimpl
        def zoo_losses():
            yield Loss("scaled", "zoo_acme.losses:Scaled", summary="Cross entropy of scaled logits")

        # zoo_acme/losses.py
        from torch.nn.functional import cross_entropy

        class Scaled:
            """Cross entropy of logits times a factor.

            Args:
                scale: factor, above 0.
            """

            def __init__(self, scale: float = 2.0):
                self.scale = scale

            def __call__(self, logits, targets):
                return cross_entropy(self.scale * logits, targets)

    ``zoo run simple_cnn digits --set loss=acme/scaled --set loss.scale=4`` then trains with it.
    '''
    return ()


@hookspec
def zoo_metrics() -> Iterable[Metric | Family]:
    '''Contribute metrics.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Metric, hookimpl

        @hookimpl
        def zoo_metrics():
            yield Metric("top2", "zoo_acme.metrics:Top2", summary="Share of images whose class is among the first two")

        # zoo_acme/metrics.py
        class Top2:
            """Share of images whose class is among the two most probable ones."""

            def __init__(self, num_classes: int):
                self.reset()

            def reset(self):
                self.num_correct = self.num_seen = 0

            def update(self, logits, targets):
                self.num_correct += int((logits.topk(2).indices == targets[:, None]).sum())
                self.num_seen += len(targets)

            def compute(self):
                return self.num_correct / max(self.num_seen, 1)

    ``zoo run simple_cnn digits --set 'metrics=[acme/top2]'`` then reports it.
    '''
    return ()


@hookspec
def zoo_augmentations() -> Iterable[Augmentation | Family]:
    '''Contribute augmentations.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Augmentation, hookimpl

        @hookimpl
        def zoo_augmentations():
            yield Augmentation("dim", "zoo_acme.augmentations:Dim", summary="Darken each image by a random factor")

        # zoo_acme/augmentations.py
        import torch

        class Dim:
            """Darken each image by its own factor.

            Args:
                least: smallest factor, in 0..1.
            """

            def __init__(self, size: int, least: float = 0.5):
                self.least = least

            def __call__(self, images, targets):
                factors = self.least + (1 - self.least) * torch.rand(len(images), 1, 1, 1, device=images.device)
                return images * factors, targets

    ``zoo run simple_cnn digits --set 'augment=[acme/dim]'`` then trains with it.
    '''
    return ()


@hookspec
def zoo_optimizers() -> Iterable[Optimizer | Family]:
    '''Contribute optimizers.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Optimizer, hookimpl

        @hookimpl
        def zoo_optimizers():
            yield Optimizer("heavy_ball", "zoo_acme.optimizers:heavy_ball", summary="SGD with momentum 0.9", lr=0.05)

        # zoo_acme/optimizers.py
        import torch

        def heavy_ball(params, lr: float, weight_decay: float = 0.0, momentum: float = 0.9):
            """Create an SGD optimizer with momentum.

            Args:
                momentum: in 0..1.
            """
            return torch.optim.SGD(params, lr=lr, weight_decay=weight_decay, momentum=momentum)

    ``zoo run simple_cnn digits --set train.optimizer=acme/heavy_ball`` then trains with it.
    '''
    return ()


@hookspec
def zoo_schedules() -> Iterable[Schedule | Family]:
    '''Contribute learning-rate schedules.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Schedule, hookimpl

        @hookimpl
        def zoo_schedules():
            yield Schedule("linear", "zoo_acme.schedules:linear", summary="Straight down from lr to a fraction of it")

        # zoo_acme/schedules.py
        from torch.optim.lr_scheduler import LinearLR

        def linear(optimizer, total_steps: int, end: float = 0.1):
            """Lower the learning rate in a straight line.

            Args:
                end: fraction of lr at the end, in 0..1.
            """
            return LinearLR(optimizer, start_factor=1.0, end_factor=end, total_iters=total_steps)

    ``zoo run simple_cnn digits --set train.schedule=acme/linear`` then trains with it.
    '''
    return ()


@hookspec
def zoo_samplers() -> Iterable[Sampler | Family]:
    '''Contribute samplers, which choose and order the items of each training epoch.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Sampler, hookimpl

        @hookimpl
        def zoo_samplers():
            yield Sampler("half", "zoo_acme.samplers:Half", summary="Another random half of the images in each epoch")

        # zoo_acme/samplers.py
        import numpy as np

        class Half:
            """Another random half of the images in each epoch."""

            def __init__(self, count: int, seed: int):
                self.count, self.seed = count, seed

            def __call__(self, epoch):
                return np.random.default_rng([self.seed, epoch]).permutation(self.count)[: max(1, self.count // 2)]

    ``zoo run simple_cnn digits --set train.sampler=acme/half`` then trains on these images.
    '''
    return ()


@hookspec
def zoo_callbacks() -> Iterable[TrainingCallback | Family]:
    '''Contribute callbacks, which a job names and which observe or change its training.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import TrainingCallback, hookimpl

        @hookimpl
        def zoo_callbacks():
            yield TrainingCallback("weight_norm", "zoo_acme.callbacks:WeightNorm", summary="Norm of the weights")

        # zoo_acme/callbacks.py
        import torch

        from zoo.api.running import Callback

        class WeightNorm(Callback):
            """Record the L2 norm of all weights after every few steps.

            Args:
                every: number of steps between two values.
            """

            def __init__(self, every: int = 10):
                self.every = every

            def step_end(self, state):
                if state.step % self.every == 0:
                    state.log("weight_norm", torch.nn.utils.get_total_norm(list(state.model.parameters())))

    ``zoo run simple_cnn digits --set callbacks=acme/weight_norm`` then records it.
    '''
    return ()


@hookspec
def zoo_analyses() -> Iterable[Analysis | Family]:
    '''Contribute analyses of a trained model's answers, with their options of ``zoo evaluate``.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Analysis, AnalysisOption, hookimpl

        @hookimpl
        def zoo_analyses():
            option = AnalysisOption("--unsure-below", "unsure_below", "Count less confident answers.", "P", float)
            yield Analysis("unsure", "zoo_acme.unsure:Unsure", summary="Number of unsure answers", options=(option,))

        # zoo_acme/unsure.py
        from zoo.api.running import Findings

        class Unsure:
            """Number of answers whose confidence is below a limit.

            Args:
                unsure_below: limit of the confidence, in 0..1.
            """

            def __init__(self, unsure_below: float = 0.6):
                self.limit = unsure_below

            def __call__(self, evaluated):
                confidences = evaluated.answers.logits.softmax(dim=1).amax(dim=1)
                count = int((confidences < self.limit).sum())
                text = f"{count} of {len(confidences)} answers have a confidence below {self.limit:.0%}."
                return Findings({"unsure": count}, sections=(("Unsure answers", text),))

    ``zoo evaluate RUN`` with the option ``--unsure-below 0.8`` then prints the number; ``--json`` has it under
    ``analyses``.
    '''
    return ()


@hookspec
def zoo_kinds() -> Iterable[Kind]:
    '''Declare kinds of components of the plugin's own, which this and other plugins then contribute.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Component, Kind, hookimpl

        class Diary(Component):
            """``f(**params)`` returns an object with ``log(epoch, accuracy)``."""

            kind = "diary"

        @hookimpl
        def zoo_kinds():
            yield Kind(
                Diary,
                plural="diaries",
                path="diaries",
                option="--diary",
                use="zoo_acme.diaries:as_callback",
                summary="Keep a diary of the run",
            )

        @hookimpl
        def zoo_components():
            yield Diary("print", "zoo_acme.diaries:Print", summary="Prints the accuracy of each epoch")

        # zoo_acme/diaries.py
        from zoo.api.running import Callback

        class Print:
            """Print the accuracy of each epoch.

            Args:
                digits: number of digits.
            """

            def __init__(self, digits: int = 3):
                self.digits = digits

            def log(self, epoch, accuracy):
                print(f"{epoch}: {accuracy:.{self.digits}f}")

        class Keeping(Callback):
            """Pass each epoch to diaries."""

            def __init__(self, diaries):
                self.diaries = diaries

            def epoch_end(self, run, epoch):
                for diary in self.diaries:
                    diary.log(epoch.epoch, epoch.val.accuracy)

        def as_callback(diaries):
            """Make one callback of the diaries of a job."""
            return Keeping(diaries)

    The components are listed, set, recorded and checked like those of the zoo's kinds: ``zoo run simple_cnn digits
    --diary print`` makes the diary, and calls ``zoo_acme.diaries.as_callback([diary])``.
    '''
    return ()


@hookspec
def zoo_components() -> Iterable[Component | Family]:
    '''Contribute components of any kind, those of other plugins' kinds among them.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Loss, Metric, hookimpl

        @hookimpl
        def zoo_components():
            yield Loss("halved", "zoo_acme.parts:Halved", summary="Half the cross entropy")
            yield Metric("hits", "zoo_acme.parts:Hits", summary="Number of correct answers")

        # zoo_acme/parts.py
        from torch.nn.functional import cross_entropy

        class Halved:
            """Half the cross entropy."""

            def __call__(self, logits, targets):
                return 0.5 * cross_entropy(logits, targets)

        class Hits:
            """Number of correct answers."""

            def __init__(self, num_classes: int):
                self.reset()

            def reset(self):
                self.num_correct = 0

            def update(self, logits, targets):
                self.num_correct += int((logits.argmax(1) == targets).sum())

            def compute(self):
                return self.num_correct

    Components of another plugin's kind are yielded in the same way.
    '''
    return ()


@hookspec
def zoo_exporters() -> Iterable[Exporter | Family]:
    '''Contribute exporters.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Exporter, hookimpl

        @hookimpl
        def zoo_exporters():
            yield Exporter(
                "program",
                "zoo_acme.programs:export",
                reader="zoo_acme.programs:Program",
                suffix=".program",
                summary="Program of torch.export, without resizing",
            )

        # zoo_acme/programs.py
        import json
        from pathlib import Path

        import torch
        from torch.nn.functional import interpolate

        def export(bundle: Path, path: Path, network: torch.nn.Module):
            """Write the network as a program, with zoo.json inside."""
            card = (bundle / "zoo.json").read_text("utf-8")
            shape = json.loads(card)["preprocessing"]
            images = torch.zeros(2, shape["in_chans"], shape["image_size"], shape["image_size"])
            sizes = ({0: torch.export.Dim.DYNAMIC},)
            program = torch.export.export(network, (images,), dynamic_shapes=sizes)
            torch.export.save(program, path, extra_files={"zoo.json": card})

        class Program:
            """Predict with an exported file."""

            def __init__(self, path: Path):
                extra = {"zoo.json": ""}
                self.network = torch.export.load(path, extra_files=extra).module()
                self.card = json.loads(extra["zoo.json"])

            def __call__(self, images):
                shape = self.card["preprocessing"]
                size, mean, std = (torch.tensor(shape[key]) for key in ("image_size", "mean", "std"))
                pixels = torch.from_numpy(images.copy()).permute(0, 3, 1, 2) / 255
                pixels = interpolate(pixels, size=[int(size)] * 2, mode="bilinear", antialias=True)
                with torch.no_grad():
                    logits = self.network((pixels - mean[:, None, None]) / std[:, None, None])
                return (logits / self.card["temperature"]).softmax(1).numpy()

    ``zoo export RUN --format program`` then writes ``model.program``, and compares the probabilities.
    '''
    return ()


@hookspec
def zoo_importers() -> Iterable[Importer | Family]:
    '''Contribute importers of other frameworks' models.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Importer, hookimpl

        @hookimpl
        def zoo_importers():
            yield Importer("npz", "zoo_acme.arrays:read", summary="Weights as NumPy arrays", suffixes=(".npz",))

        # zoo_acme/arrays.py
        import zipfile
        from pathlib import Path

        import numpy as np
        import torch
        from zoo.errors import RequestError
        from zoo.plugin import Imported

        def read(file: Path, architecture: str | None = None) -> Imported | None:
            """Read the weights of a network, and ``classes``, from a NumPy archive."""
            if not zipfile.is_zipfile(file):
                return None
            with np.load(file, allow_pickle=False) as archive:
                arrays = dict(archive)
            classes = tuple(map(str, arrays.pop("classes", ())))
            if not classes or architecture is None:
                raise RequestError(f"{file} names no classes or network. Name the network: --architecture NAME")
            tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
            return Imported(architecture=architecture, num_classes=len(classes), classes=classes, tensors=tensors)

    ``zoo import weights.npz --architecture simple_cnn`` then makes a model of the zoo from them.
    '''
    return ()


@hookspec
def zoo_commands() -> Iterable[Command]:
    '''Contribute commands of ``zoo``.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Command, hookimpl

        @hookimpl
        def zoo_commands():
            yield Command("weakest", "zoo_acme.commands:weakest", summary="Print the classes with the lowest recall")

        # zoo_acme/commands.py
        import click

        @click.command()
        @click.argument("run")
        @click.option("--count", default=3, help="Number of classes.")
        def weakest(run: str, count: int):
            """Print the classes of a run with the lowest recall."""
            from zoo.runs import find_run, read_result

            scores = read_result(find_run(run)).metrics_of("val").per_class
            for name, each in sorted(scores.items(), key=lambda item: item[1].recall)[:count]:
                click.echo(f"{each.recall:.0%}  {name}")

    ``zoo --help`` then lists the command.
    '''
    return ()


@hookspec
def zoo_model_sources() -> Iterable[ModelSource]:
    '''Contribute sources that fetch models by a word with a prefix, such as ``hf:owner/name``.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import ModelSource, hookimpl

        @hookimpl
        def zoo_model_sources():
            yield ModelSource("team", "zoo_acme.store:fetch", summary="Models on our team's disk")

        # zoo_acme/store.py
        from pathlib import Path

        from zoo.errors import RequestError

        SHARE = Path("/mnt/models")

        def fetch(word: str) -> Path:
            """Find the folder of a model such as ``team:digits``."""
            folder = SHARE / word.removeprefix("team:")
            if not folder.is_dir():
                raise RequestError(f"There is no model {word!r}. See: ls {SHARE}")
            return folder

    ``zoo predict team:digits photo.jpg`` then calls ``zoo_acme.store.fetch("team:digits")``.
    '''
    return ()


@hookspec
def zoo_picture_readers() -> Iterable[PictureReader]:
    '''Contribute readers of image files that neither Pillow nor NumPy can read.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import PictureReader, hookimpl

        @hookimpl
        def zoo_picture_readers():
            yield PictureReader(
                "raw", "zoo_acme.raw:read", summary="Our camera's raw values", suffixes=(".araw",), needs="numpy"
            )

        # zoo_acme/raw.py
        import numpy as np

        from zoo.plugin import PictureValues

        def read(file) -> PictureValues:
            """Read 64 x 48 values of 14 bits."""
            values = np.frombuffer(file.read(), "<u2")
            if values.size != 48 * 64:
                raise OSError(f"{values.size:,} values, not {48 * 64:,}")
            return PictureValues(values.reshape(1, 48, 64), window=(0, 2**14 - 1))

    Folders of ``.araw`` files can then be trained on; their 14 bits are kept.
    '''
    return ()


@hookspec
def zoo_health_checks() -> Iterable[HealthCheck]:
    '''Contribute checks to ``zoo doctor``.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import HealthCheck, hookimpl

        @hookimpl
        def zoo_health_checks():
            yield HealthCheck("acme_share", "zoo_acme.health:share", summary="The share with the models is mounted")

        # zoo_acme/health.py
        from pathlib import Path

        from zoo.plugin import Finding

        def share():
            """Check that the share is mounted."""
            if Path("/mnt/models").is_dir():
                yield Finding("ok", "/mnt/models is mounted.")
            else:
                yield Finding("wrong", "/mnt/models is missing.", (("mount it", "sudo mount /mnt/models"),))

    ``zoo doctor`` then lists what ``zoo_acme.health.share()`` finds.
    '''
    return ()


@hookspec
def zoo_functions() -> Iterable[Function]:
    '''Contribute functions for Python, which are called as ``zoo.NAME``.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Function, hookimpl

        @hookimpl
        def zoo_functions():
            yield Function("count_leaves", "zoo_acme.leaves:count", summary="Count leaves in a picture")

        # zoo_acme/leaves.py
        import numpy as np
        from PIL import Image

        def count(picture: str) -> int:
            """Count the rows of a picture with a green pixel."""
            red, green, blue = np.asarray(Image.open(picture).convert("RGB"), int).transpose(2, 0, 1)
            return int(((green > red) & (green > blue)).any(axis=1).sum())

    ``zoo.count_leaves("photo.jpg")`` then calls ``zoo_acme.leaves.count``, and ``dir(zoo)`` lists it.
    '''
    return ()


@hookspec
def zoo_displays() -> Iterable[Display]:
    '''Contribute displays of runs and results in environments that are not terminals.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import Display, hookimpl

        @hookimpl
        def zoo_displays():
            yield Display("acme_pad", "zoo_acme.pad:Pad", summary="Runs and results in Acme's notebook")

        # zoo_acme/pad.py
        import html
        import os

        from zoo.api.running import Observer

        class Pad:
            """Display of Acme's notebook, which sets ACME_PAD."""

            def active(self):
                return "ACME_PAD" in os.environ

            def observer(self):
                return Observer()  # shows nothing while a run trains

            def html(self, result):
                return f"<pre>{html.escape(str(result))}</pre>"

            def show(self, result):
                print(result)

    Where ``Pad().active()`` is true, ``Pad().observer()`` observes ``zoo.run``.
    '''
    return ()


@hookspec
def zoo_cache_kinds() -> Iterable[CacheKind]:
    """Describe folders of the user's cache that the plugin fills, so that ``zoo cache`` lists and prunes them.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import CacheKind, hookimpl

        @hookimpl
        def zoo_cache_kinds():
            yield CacheKind("leaves", "scans of leaves", "fetched again")

    The plugin keeps its files in ``zoo.storage.cache_folder() / "leaves"``, one file or folder an entry.
    """
    return ()


@hookspec
def zoo_recipes() -> Mapping[str, Mapping[str, Any]] | str:
    """Contribute recipes: a mapping of name to recipe as in registry.yaml, or a packaged file of one.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import hookimpl

        @hookimpl
        def zoo_recipes():
            return {
                "quick": {
                    "summary": "A first look at the data in a minute",
                    "train": {"epochs": 3, "optimizer": "adamw", "lr": 1e-3},
                }
            }

    The mapping is in the syntax of the section ``recipes`` of a registry.yaml; ``"zoo_acme:recipes.yaml"`` names a
    packaged file with one. ``zoo run simple_cnn digits --recipe acme/quick`` uses the recipe.
    A recipe is chosen automatically where the job's architecture or dataset belongs to the plugin, and with
    ``--recipe`` everywhere. Its full id begins with the plugin's name (``acme/quick`` for ``quick``). Recipes of
    plugins precede those of the zoo, and those of the user's and the working folder's registry.yaml precede them.
    """
    return {}


@hookspec
def zoo_settings() -> type:
    '''Declare the plugin's settings: a dataclass whose fields all have types and defaults.

    Example::

        # zoo_acme/plugin.py
        from dataclasses import dataclass, field

        from zoo.plugin import hookimpl

        @dataclass
        class Settings:
            """Settings of acme."""

            stop_at: float = field(default=1.0, metadata={"option": "--stop-at", "help": "Accuracy to stop at."})

        @hookimpl
        def zoo_settings():
            return Settings

        @hookimpl
        def zoo_epoch_end(run, epoch):
            if epoch["val"]["accuracy"] >= run.settings.stop_at:
                return "it is accurate enough"

    A user sets ``plugins: {acme: {stop_at: 0.9}}`` in a registry.yaml or a job file, ``ZOO_ACME_STOP_AT=0.9``, ``--set
    plugins.acme.stop_at=0.9``, or the option ``--stop-at 0.9`` of ``zoo run``; each precedes the one before. Values are
    converted to the types of the fields; a ``ValueError`` of ``__post_init__`` is a message for the user. A hook of a
    run has the object in ``run.settings``; any other code of the plugin gets it by
    ``zoo.api.plugins.settings_of(Settings)``. ``zoo info acme`` shows every value with its source, and ``job.yaml``
    records them.
    '''
    return type


@hookspec
def zoo_run_start(run: Any) -> None:
    """Called before a run trains.

    ``run`` has ``name``, ``dir`` (its folder), ``job`` (the resolved job, as job.yaml has it), ``classes``,
    ``splits``, ``model``, ``device`` and ``notices``: see ``zoo.runner.record.Run``.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import hookimpl

        @hookimpl
        def zoo_run_start(run):
            words = (run.name, run.model["id"], len(run.classes), run.splits["train"]["images"], run.device["name"])
            (run.dir / "acme.txt").write_text("{}: {}, {} classes, {} images, on {}".format(*words))
    """


@hookspec
def zoo_epoch_end(run: Any, epoch: dict[str, Any]) -> str | None:
    """Called after each epoch; a returned string stops the run, with that reason.

    The reasons of several plugins are joined; result.json records each with its plugin.

    ``epoch`` is its line of metrics.jsonl: ``epoch`` (from 1), ``train`` and ``val`` with their numbers, ``lr``,
    ``seconds``, ``images_per_second``. A stopped run keeps its best weights, is evaluated and reported, and has the
    status ``stopped``.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import hookimpl

        @hookimpl
        def zoo_epoch_end(run, epoch):
            if epoch["val"]["accuracy"] >= 0.95:
                return f"95% reached in epoch {epoch['epoch']} of {run.job['train']['epochs']}"
    """


@hookspec
def zoo_run_end(run: Any, result: dict[str, Any]) -> None:
    """Called when a run is complete and all its files are written; ``result`` is its result.json.

    Example::

        # zoo_acme/plugin.py
        import json

        from zoo.plugin import hookimpl

        @hookimpl
        def zoo_run_end(run, result):
            row = {"run": run.name, "status": result["status"], "accuracy": result["metrics"]["val"]["accuracy"]}
            with (run.dir.parent / "acme.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\\n")
    """


@hookspec
def zoo_run_failed(run: Any, error: BaseException) -> None:
    """Called when a run ended with ``error``: KeyboardInterrupt for an interruption by the user or by SIGTERM.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import hookimpl

        @hookimpl
        def zoo_run_failed(run, error):
            how = "interrupted" if isinstance(error, KeyboardInterrupt) else f"failed with {error!r}"
            (run.dir / "acme.txt").write_text(f"{run.name}: {how}")
    """


@hookspec
def zoo_report_sections(run: Any, result: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Add ``(title, plain text)`` sections to the report: to the console, report.html and result.json.

    Example::

        # zoo_acme/plugin.py
        from zoo.plugin import hookimpl

        @hookimpl
        def zoo_report_sections(run, result):
            worst = min(result["metrics"]["val"]["per_class"].items(), key=lambda item: item[1]["recall"])
            yield "Acme", f"The class with the lowest recall is {worst[0]}, at {worst[1]['recall']:.0%}."
    """
    return ()


CONTRIBUTIONS: dict[str, str] = {
    "dataset": "zoo_datasets",
    "architecture": "zoo_architectures",
    "loss": "zoo_losses",
    "metric": "zoo_metrics",
    "augmentation": "zoo_augmentations",
    "optimizer": "zoo_optimizers",
    "schedule": "zoo_schedules",
    "sampler": "zoo_samplers",
    "callback": "zoo_callbacks",
    "analysis": "zoo_analyses",
    "exporter": "zoo_exporters",
    "importer": "zoo_importers",
    "command": "zoo_commands",
    "model_source": "zoo_model_sources",
    "picture_reader": "zoo_picture_readers",
    "health_check": "zoo_health_checks",
    "function": "zoo_functions",
    "display": "zoo_displays",
}

NAMES: tuple[str, ...] = tuple(name for name in globals() if name.startswith("zoo_"))
"""Every hook, in the order above."""
CACHE_KINDS, RECIPES, SETTINGS = "zoo_cache_kinds", "zoo_recipes", "zoo_settings"
DECLARED_KINDS = "zoo_kinds"
COMPONENTS = "zoo_components"
_OTHER = (*CONTRIBUTIONS.values(), CACHE_KINDS, RECIPES, SETTINGS, DECLARED_KINDS, COMPONENTS)
LIFECYCLE: tuple[str, ...] = tuple(name for name in NAMES if name not in _OTHER)
"""Those of a run."""
