"""Checks of architectures: shape of logits, gradients, state_dict, determinism."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from zoo.engine.outputs import all_outputs, return_logits
from zoo.model.build import build
from zoo.registry.signature import accepts, check, open_ended, parameters
from zoo.registry.suggest import listing
from zoo.testing.checking import contract
from zoo.testing.networks import (
    all_sizes,
    answer_of,
    close,
    declared_chans,
    declared_size,
    find_sizes,
    given,
    home_size,
    how_far,
    images_for,
    in_form,
    look,
    network,
    sizes_of,
    smallest_size,
    some_images,
    steady_answer,
    trials,
)
from zoo.testing.outcome import fail, need, skip
from zoo.testing.subject import CLASSES, Subject, first_line
from zoo.testing.trap import trap

KIND = "architecture"
NAMES_OF_FILES = (
    *("cache_dir", "checkpoint", "checkpoint_path", "ckpt_path", "config", "file", "init_checkpoint", "model_path"),
    *("path", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_path", "state_dict", "weights", "weights_path"),
)
"""Names of parameters that load files in libraries, tried where a factory takes any keyword."""


@contract(KIND, "can be created", "Return an nn.Module for any number of classes, with the default parameters.")
def _can_be_made(subject: Subject) -> None:
    model = subject.try_to_make(CLASSES, **given(subject, home_size(subject)))
    need(isinstance(model, nn.Module), f"its factory returns {type(model).__name__}, not a torch.nn.Module.")


@contract(KIND, "accepts images", "Accept images (N, C, H, W) of the component's input_size.")
def _takes_images(subject: Subject) -> None:
    if declared_size(subject) is None and find_sizes(subject):
        return
    side = home_size(subject)
    model = network(subject, side)
    try:
        look(model, images_for(subject, side))
    except Exception as error:
        fail(f"it rejects images of {side} px: {first_line(error)}.")


@contract(KIND, "two image sizes", "Pool before the last layer, add a parameter image_size, or declare input_size.")
def _takes_two_sizes(subject: Subject) -> None:
    sizes = sizes_of(subject)
    if len(sizes) == 1 and declared_size(subject) is not None and not accepts(subject.factory(), "image_size"):
        skip(f"it accepts only images of {sizes[0]} px, and its component declares an input_size.")
    tried = listing(map(str, all_sizes(subject)))
    need(len(sizes) == 2, f"of the tried sides ({tried}) it accepts only {sizes[0]} px.")


@contract(KIND, "logits", "Return one float32 logit for each class and image: (N, num_classes), no softmax.")
def _gives_logits(subject: Subject) -> None:
    for side in sizes_of(subject):
        logits = network(subject, side)(images_for(subject, side))
        told = isinstance(logits, Mapping)  # a mapping with logits was replaced by them
        need(not told, "it returns a mapping without the key 'logits'.")
        need(isinstance(logits, Tensor), f"it returns {type(logits).__name__}, not a tensor.")
        shape = tuple(logits.shape)
        need(shape == (4, CLASSES), f"for 4 images of {side} px and {CLASSES} classes its logits are {shape}.")
        need(logits.dtype == torch.float32, f"its logits are {logits.dtype}, not torch.float32.")


@contract(KIND, "further outputs", "Return tensors (N, …) beside the logits, the same in training and in evaluation.")
def _gives_further_outputs(subject: Subject) -> None:
    side = smallest_size(subject)
    answer_of(subject, side)  # tested by another check
    model, images = network(subject, side), images_for(subject, side)
    found = []
    for training in (False, True):
        with torch.no_grad():
            outputs = all_outputs(model.train(training), images)
        wrong = [name for name, value in outputs.items() if value.ndim == 0 or len(value) != len(images)]
        need(not wrong, f"for 4 images, its output {wrong[:1]} has another number of rows.")
        found.append(set(outputs))
    need(found[0] == found[1], f"in training it has the outputs {sorted(found[1])}, in evaluation {sorted(found[0])}.")


@contract(KIND, "two class counts", "Use num_classes outputs in the last layer.")
def _heeds_num_classes(subject: Subject) -> None:
    side = smallest_size(subject)
    answer_of(subject, side)  # the logits' shape is tested by another check
    for count in (2, 5):
        shape = tuple(network(subject, side, classes=count)(images_for(subject, side)).shape)
        need(shape == (4, count), f"with {count} classes, its logits for 4 images are {shape}.")


@contract(KIND, "greyscale images", "Use in_chans inputs in the first layer.")
def _heeds_in_chans(subject: Subject) -> None:
    declared = declared_chans(subject)
    if declared is not None and 1 not in declared:
        skip(f"its component takes images with {listing(map(str, declared))} channels.")
    side = smallest_size(subject)
    answer_of(subject, side)
    try:
        model = return_logits(subject.make(CLASSES, **given(subject, side, chans=1))).eval()
        logits = model(some_images(side=side, chans=1))
    except Exception as error:
        fail(f"with in_chans=1, it rejects greyscale images: {first_line(error)}.")
    need(logits.shape == (4, CLASSES), f"for 4 greyscale images its logits are {tuple(logits.shape)}.")


@contract(KIND, "finite logits", "Check for division by zero, logarithm of 0, and uninitialised weights.")
def _is_finite(subject: Subject) -> None:
    for count, side in trials(subject):
        logits = answer_of(subject, side, count)
        need(logits.isfinite().all(), f"its logits for images of {side} px are not finite.")


@contract(KIND, "gradients", "Do not detach or round between images and logits, and avoid division by zero.")
def _has_gradients(subject: Subject) -> None:
    for count, side in trials(subject):
        model = network(subject, side, count).train()
        logits = in_form(model(images_for(subject, side)), count)
        if not logits.isfinite().all():
            skip("its logits are not finite.")
        need(logits.requires_grad, "its logits have no gradient.")
        cross_entropy(logits, torch.arange(4) % count).backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        need(all(g.isfinite().all() for g in gradients), "a gradient is not finite.")
        # Not all: branches initialised to zero, as in normaliser-free networks, have no gradient at first.
        reached = sum(bool(g.any()) for g in gradients)
        need(reached > len(gradients) / 4, f"of {len(gradients)} parameters only {reached} have a gradient.")


@contract(
    KIND,
    "state_dict round trip",
    ("Register everything that forward uses as parameters and buffers, so that it is saved."),
)
def _comes_back(subject: Subject) -> None:
    side = smallest_size(subject)
    model, other = network(subject, side), network(subject, side, seed=1)
    for parameter in other.parameters():
        parameter.data.add_(1)
    other.load_state_dict(model.state_dict())
    given_images = images_for(subject, side)
    before, after = steady_answer(model, given_images), steady_answer(other, given_images)
    need(
        close(before, after),
        (f"with its weights loaded into a new instance, logits differ by {how_far(before, after)}."),
    )


@contract(KIND, "eval is deterministic", "Use random numbers in training only: check self.training.")
def _is_deterministic(subject: Subject) -> None:
    side = smallest_size(subject)
    model = network(subject, side)
    first, second = (in_form(look(model, images_for(subject, side))) for _ in range(2))
    same = torch.equal(first.nan_to_num(), second.nan_to_num())
    need(same, f"for the same images, its logits differ by {how_far(first, second)}.")


@contract(
    KIND,
    "batch independence in eval",
    ("Do not use batch statistics in eval; running statistics of batch norm are fine."),
)
def _is_batch_independent(subject: Subject) -> None:
    side = smallest_size(subject)
    model, images = network(subject, side), images_for(subject, side)
    together = steady_answer(model, images)
    alone = torch.cat([look(model, image[None]) for image in images])
    backwards = look(model, images.flip(0)).flip(0)
    for other in (alone, backwards):
        apart = how_far(together, other)
        need(close(together, other), f"the logits of an image change by {apart} with the other images of the batch.")


@contract(KIND, "seeded weights", "Use torch's random state for initial weights, which is seeded by the job.")
def _is_seeded(subject: Subject) -> None:
    side = smallest_size(subject)
    first, second = (network(subject, side).state_dict() for _ in range(2))
    changed = [name for name in first if not torch.equal(first[name], second[name])]
    need(not changed, f"created twice with the same seed, {len(changed)} of its weights differ, such as {changed[:1]}.")


@contract(
    KIND,
    "reads no named file",
    "Reject parameters that name a file with a ValueError, since a shared job or bundle may set them. Weights are "
    "loaded with --weights and --pretrained.",
)
def _reads_no_file_that_is_named(subject: Subject) -> None:
    subject.factory()
    with trap("weights.pth") as file:
        for name, value, pretrained in _namings(subject, str(file.path)):
            params = {**subject.params, name: value}
            with suppress(Exception):  # any refusal is fine
                build(subject.entry, params, KIND, CLASSES, **given(subject, home_size(subject)), **pretrained)
            need(not file.opened, f"its parameter {name} reads a file.")


def _namings(subject: Subject, path: str) -> Iterator[tuple[str, Any, dict[str, bool]]]:
    """Yield parameters of the factory with a file as their value, directly or in a mapping."""
    factory = subject.factory()
    names = [parameter.name for parameter in parameters(KIND, factory)]
    names += [name for name in NAMES_OF_FILES if open_ended(factory) and name not in names]
    for name in names:
        for value, pretrained in ((path, {}), ({"file": path}, {"pretrained": True})):
            _, problems = check(KIND, factory, {**subject.params, name: value}, KIND)
            if not problems:
                yield name, value, pretrained
