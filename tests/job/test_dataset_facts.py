"""Facts of a dataset: what is declared, what is looked up, and what a job makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.host.loader import open_registry
from zoo.job.dataset_facts import DatasetFacts, JobFacts
from zoo.job.request import Request
from zoo.job.resolve import Resolved, resolve
from zoo.plugin import Dataset
from zoo.registry.entry import Entry, Origin


class Made:
    """So many images of one size, whose splits are opened as often as it says."""

    opened = 0

    def __init__(self, images: int, size: int, channels: int = 3, classes: int = 2):
        self.images, self.size, self.channels = images, size, channels
        self.classes = [f"class {i:03}" for i in range(classes)]

    def __call__(self, root: Path | None, split: str) -> Made:
        type(self).opened += 1
        return self

    def available_splits(self, root: Path | None) -> tuple[str, ...]:
        return ("train",)

    def __len__(self) -> int:
        return self.images

    def __getitem__(self, index: int) -> tuple[Any, int]:
        if index >= self.images:
            raise IndexError(index)
        return np.full((self.channels, self.size, self.size), index % 251, np.uint8), index % len(self.classes)


def facts_of(made: Any, **component: Any) -> DatasetFacts:
    return DatasetFacts(Entry(Dataset("made", "made:Made", **component), Origin("test"), given=made), {"root": None})


def job(make_folder_or_data: Any, *sets: str, architecture: str = "simple_cnn", **options: Any) -> Resolved:
    asked = {"architecture": architecture, "dataset": str(make_folder_or_data), **options}
    return resolve(Request(options=asked, sets=sets), open_registry())


def test_what_is_looked_up():
    facts = facts_of(Made(250, 40, classes=5))
    assert (facts.images(0.2, None), facts.own_size, facts.measured["classes"]) == (200, 40, 5)
    assert facts.images(0.2, 5) == 200
    assert facts.images(0.5, None) == 125
    assert JobFacts(facts).number("images_per_class") == 40


def test_what_is_declared_goes_first_and_opens_nothing():
    before = Made.opened
    facts = facts_of(Made(250, 40), input_size=28, symmetries=(), in_chans=1)
    assert (facts.own_size, facts.symmetries, facts.in_chans) == (28, (), 1)
    assert Made.opened == before


def test_a_dataset_that_raises_has_no_facts():
    def broken(root: Path | None, split: str) -> Any:
        raise KeyError("a stranger's defect")

    facts = JobFacts(facts_of(broken))
    assert [facts.number(name) for name in ("images", "own_size", "classes", "images_per_class")] == [None] * 4
    assert facts.symmetries is None


def test_it_is_opened_once_and_handed_on_once():
    before = Made.opened
    facts = facts_of(Made(50, 20))
    facts.images(0.2, None)
    assert facts.own_size == 20
    assert Made.opened == before + 1
    assert facts.take_opened() is not None
    assert facts.take_opened() is None


def test_a_fact_that_is_asked_for_late_is_the_same():
    """A sweep's first trial may choose its augmentation, and the second leave it to the recipe."""
    from zoo_images.digits import digits

    def undeclared(root: Path | None, split: str) -> Any:
        return digits(None, split)

    early, late = facts_of(undeclared), facts_of(undeclared)
    assert late.images(0.2, None) == 1437
    assert late.take_opened() is not None
    assert late.symmetries == early.symmetries == ()


def test_a_job_in_which_all_is_chosen_opens_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    import yaml

    whole = resolve(Request(options={"architecture": "simple_cnn", "dataset": "digits"}), open_registry()).job.plain()
    Path("job.yaml").write_text(yaml.safe_dump(whole))
    monkeypatch.setattr(DatasetFacts, "measured", property(lambda self: pytest.fail("it was opened")))
    again = resolve(Request(file=Path("job.yaml")), open_registry())
    assert again.job.plain() == whole
    assert again.reasons == {}


def test_the_image_size_is_the_images_own(make_folder):
    resolved = job(make_folder({"train/a": 6, "train/b": 6, "val/a": 2, "val/b": 2}, size=28))
    assert resolved.job.recipe == "small_pictures"
    assert resolved.job.train.image_size == 28
    assert resolved.reasons["train.image_size"] == "the images have 28 px"
    assert resolved.sources["train.image_size"] == "recipe small_pictures"


def test_a_chosen_size_decides_recipe_and_stages(make_folder):
    folder = make_folder({"train/a": 6, "train/b": 6, "val/a": 2, "val/b": 2}, size=160)
    large, small = job(folder), job(folder, train={"image_size": 28})
    assert large.job.recipe == "simple_cnn+*"
    assert small.job.recipe == "small_pictures"
    assert len(small.job.architecture.params["channels"]) < len(large.job.architecture.params["channels"])


def test_what_somebody_chose_wins_over_a_rule(make_folder):
    folder = make_folder({"train/a": 6, "train/b": 6, "val/a": 2, "val/b": 2}, size=28)
    resolved = job(folder, "train.batch_size=3", train={"epochs": 2})
    assert (resolved.job.train.epochs, resolved.job.train.batch_size) == (2, 3)
    assert "train.epochs" not in resolved.reasons


def test_a_rule_may_be_typed(make_folder):
    folder = make_folder({"train/a": 30, "train/b": 30, "val/a": 2, "val/b": 2}, size=28)
    resolved = job(folder, "train.epochs={images_seen: 600, at_most: 50}", "train.optimizer=adamw")
    assert resolved.job.train.epochs == 10
    assert resolved.sources["train.epochs"] == "--set"


def test_a_rule_that_is_none_is_told(make_folder):
    from zoo.errors import JobError

    folder = make_folder({"train/a": 6, "train/b": 6, "val/a": 2, "val/b": 2}, size=28)
    with pytest.raises(JobError, match=r"--set: train\.epochs: unknown word 'most' in a rule with 'images_seen'"):
        job(folder, "train.epochs={images_seen: 600, most: 50}")


@pytest.mark.parametrize(("dataset", "mirrored"), [("digits", False), ("cats_dogs", True)])
def test_augmentations_follow_the_symmetries(dataset: str, mirrored: bool):
    recipe = resolve(Request(options={"architecture": "timm/resnet10t", "dataset": dataset}), open_registry())
    assert ("flip" in [choice.name for choice in recipe.job.augment]) is mirrored


def test_drawings_have_a_recipe_of_their_own(make_folder):
    photos = make_folder({"train/cats": 6, "train/dogs": 6, "val/cats": 2, "val/dogs": 2}, size=160)
    drawn = job("cats_dogs")
    assert drawn.job.recipe == "drawn_pets"
    assert job("cats_dogs", "dataset.source=drawn").job.recipe == "drawn_pets"
    assert (
        resolve(
            Request(options={"architecture": "simple_cnn", "dataset": {"name": "cats_dogs", "root": str(photos)}}),
            open_registry(),
        ).job.recipe
        == "pet_photos"
    )


def test_the_same_data_have_the_same_job(make_folder):
    folder = make_folder({"train/a": 20, "train/b": 20, "val/a": 2, "val/b": 2}, size=50)
    assert job(folder).job == job(folder).job
