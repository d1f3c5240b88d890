"""From a request to a Job: what goes over what, where each value came from, and everything wrong at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo.errors import JobError, RequestError
from zoo.host.loader import discover
from zoo.job.request import Request, make_request
from zoo.job.resolve import Resolved, resolve
from zoo.plugin import Architecture
from zoo.registry.config import open_shelf
from zoo.registry.entry import Entry, Origin
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.registry import Registry

OWN = """
components:
  architecture:
    tiny: {target: './my_models.py:tiny', params: {width: 16, depth: 2}}
  loss:
    sharp: {base: focal, params: {gamma: 4}}
  metric:
    top3: {base: top_k, params: {k: 3}}
  dataset:
    flowers: {base: image_folder, params: {root: ./flowers}}
recipes:
  tiny+digits: {summary: Of mine, seed: 7, loss: {name: focal, gamma: 3}, train: {epochs: 4}, architecture: {width: 24}}
  tiny+*: {seed: 8}
  "*+flowers": {seed: 9}
  "*+image_folder": {seed: 10}
  timm/*+digits: {seed: 11}
  named: {loss: mse, train: {lr: 0.5}, expect: {metric: val/accuracy, value: 0.9}}
"""
MODELS = "def tiny(num_classes, in_chans=3, width: int = 8, depth: int = 1, rate: float = 0.5):\n    return None\n"


@pytest.fixture(autouse=True)
def _own_shelf() -> None:
    Path("registry.yaml").write_text(OWN)
    Path("my_models.py").write_text(MODELS)
    (Path("flowers") / "rose").mkdir(parents=True)


@cache
def bundled() -> list[LoadedPlugin]:
    """The bundled plugins, loaded once."""
    return [plugin for plugin in discover() if plugin.origin.bundled]


def registry() -> Registry:
    return Registry(bundled(), open_shelf())


def resolved(
    *sets: str, file: dict[str, Any] | str | None = None, recipe: str | None = None, **options: Any
) -> Resolved:
    """A job from the command line's options by name, ``--set`` words and a file's content."""
    path = None
    if file is not None:
        path = Path("job.yaml")
        path.write_text(file if isinstance(file, str) else yaml.safe_dump(file))
    request = make_request(options, file=path, recipe=recipe)
    return resolve(Request(request.options, sets, path, recipe, request.given), registry())


def tiny(*sets: str, **options: Any) -> Resolved:
    return resolved(*sets, **{"architecture": "tiny", "dataset": "digits", **options})


def problems(*sets: str, **options: Any) -> list[str]:
    with pytest.raises(JobError) as caught:
        tiny(*sets, **options)
    assert caught.value.exit_code == 2
    assert all(problem in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


def test_a_pair_is_all_that_has_to_be_said():
    job = resolved(architecture="simple_cnn", dataset="digits").job
    assert (job.architecture.name, job.dataset.name) == ("simple_cnn", "digits")
    assert job.recipe == "simple_cnn+digits"
    assert job.data.in_chans == 1


# -- precedence --------------------------------------------------------------------------------------


def test_each_layer_goes_over_the_one_below_it():
    layers: list[dict[str, Any]] = [
        {},
        {"file": {"architecture": "tiny", "dataset": "digits", "train": {"epochs": 5}}},
        {"sets": ["train.epochs=6"]},
        {"epochs": 7},
    ]
    asked: dict[str, Any] = {}
    seen = []
    for layer in layers:
        asked.update(layer)
        sets = asked.get("sets", [])
        found = tiny(*sets, **{k: v for k, v in asked.items() if k != "sets"})
        seen.append((found.job.train.epochs, found.sources["train.epochs"]))
    assert seen == [(4, "recipe tiny+digits"), (5, "job.yaml"), (6, "--set"), (7, "command line")]


def test_what_no_layer_says_is_the_recipe_that_every_job_stands_on():
    found = tiny(recipe="none")
    assert (found.job.train.epochs, found.sources["train.epochs"]) == (30, "default")
    assert found.job.seed == 0


def test_sources_say_where_each_value_came_from():
    found = tiny("loss.gamma=2.5", lr=0.01)
    assert {
        path: found.sources[path]
        for path in (
            "architecture.name",
            "architecture.width",
            "architecture.depth",
            "architecture.rate",
            "loss.name",
            "loss.gamma",
            "train.lr",
            "train.epochs",
            "train.batch_size",
            "train.optimizer.betas",
            "train.image_size",
            "data.in_chans",
            "data.val_fraction",
        )
    } == {
        "architecture.name": "command line",
        "architecture.width": "recipe tiny+digits",
        "architecture.depth": "registry.yaml",
        "architecture.rate": "tiny's own",
        "loss.name": "recipe tiny+digits",
        "loss.gamma": "--set",
        "train.lr": "command line",
        "train.epochs": "recipe tiny+digits",
        "train.batch_size": "default",
        "train.optimizer.betas": "adamw's own",
        "train.image_size": "dataset",
        "data.in_chans": "dataset",
        "data.val_fraction": "default",
    }


def test_every_value_of_the_job_has_a_source():
    from zoo.job.layers import flatten

    for found in (tiny(), resolved(architecture="timm/resnet18", dataset="digits", metrics=["top_k"], recipe="none")):
        assert set(flatten(found.job.plain())) <= set(found.sources)


def test_another_component_drops_the_recipes_parameters():
    found = tiny(loss="binary_cross_entropy")
    assert found.job.loss.params == {"label_smoothing": 0.0}
    assert tiny("loss=focal").job.loss.params["gamma"] == 3.0, "the same component keeps them"
    assert tiny("train.optimizer=sgd").job.train.optimizer.params["momentum"] == 0.9


def test_an_option_and_a_set_of_one_component_go_together():
    found = tiny("loss.gamma=1.5", loss="focal")
    assert (found.job.loss.name, found.job.loss.params["gamma"]) == ("focal", 1.5)


# -- components --------------------------------------------------------------------------------------


def test_parameters_are_converted_and_defaults_filled_in():
    job = resolved(
        "architecture.channels=[8, 16]", "architecture.dropout=0", architecture="simple_cnn", dataset="digits"
    ).job
    params = job.architecture.params
    assert params["channels"] == [8, 16]
    assert params["dropout"] == 0.0
    assert isinstance(params["dropout"], float)
    assert params["convs_per_stage"] == 1


def test_a_local_components_parameters_are_below_a_jobs():
    found = tiny("architecture.depth=5", recipe="none")
    assert found.job.architecture.params == {"width": 16, "depth": 5, "rate": 0.5}
    assert found.sources["architecture.width"] == "registry.yaml"
    assert found.sources["architecture.depth"] == "--set"


def test_local_losses_metrics_and_datasets_have_their_parameters():
    found = tiny(loss="sharp", metrics=["top3", {"name": "top3", "k": 5}], dataset="flowers")
    assert found.job.loss.params["gamma"] == 4.0
    assert [m.params["k"] for m in found.job.metrics] == [3, 5]
    assert found.job.dataset.params["root"] == str(Path("flowers").resolve())
    assert found.entry("metrics.1").id == "local/top3"


def test_lists_of_components_take_names_and_parameters():
    job = tiny("augment=[flip, {name: rotate, degrees: 5}]", metrics="top_k").job
    assert [(a.name, a.params) for a in job.augment] == [
        ("flip", {"p": 0.5, "vertical": False}),
        ("rotate", {"degrees": 5.0}),
    ]
    assert [m.name for m in job.metrics] == ["top_k"]


def test_a_folder_in_place_of_a_name_is_the_dataset_that_opens_it(make_folder: Callable[..., Path]):
    root = make_folder({"red": 1, "blue": 1})
    for word in (str(root), root):
        found = tiny(dataset=word)
        assert found.job.dataset.name == "images/image_folder"
        assert found.job.dataset.params["root"] == str(root)
    Path("table.csv").write_text("path,label\n")
    assert tiny(dataset="table.csv").job.dataset.params["root"] == str(Path("table.csv").absolute())
    assert tiny(dataset="./flowers").job.dataset.params["root"] == str(Path("flowers").absolute())


def test_a_registered_name_is_a_name_even_where_a_folder_is_called_so():
    Path("digits").mkdir()
    assert tiny(dataset="digits").entry("dataset").id == "images/digits"
    assert tiny(dataset="./digits").entry("dataset").id == "images/image_folder"


def test_data_is_an_absolute_path_from_here():
    found = tiny(dataset="image_folder", data="flowers")
    assert found.job.dataset.params["root"] == str(Path("flowers").absolute())
    assert tiny("dataset.root=~/x", dataset="image_folder").job.dataset.params["root"] == str(Path.home() / "x")


def test_a_factory_from_python_needs_no_name_in_the_registry():
    def mine(num_classes: int, in_chans: int = 3, width: int = 2) -> None: ...

    found = resolved("architecture.width=3", architecture=mine, dataset="digits", recipe="none")
    assert (found.job.architecture.name, found.job.architecture.params) == ("python/mine", {"width": 3})
    assert found.sources["architecture.name"] == "python"
    assert found.entry("architecture").given is mine


def test_a_factory_may_come_from_a_module_whose_name_no_import_statement_could_have():
    def mine(num_classes: int, in_chans: int = 3) -> None: ...

    mine.__module__ = "zoo-acme.tests.test_models"  # as pytest's import mode importlib names it
    found = resolved(architecture=mine, dataset="digits", recipe="none")
    assert found.entry("architecture").component.target == "zoo_acme.tests.test_models:mine"


# -- image size and normalisation --------------------------------------------------------------------


def test_the_job_before_the_architecture_before_the_dataset_before_the_fallback():
    def size(*sets: str, **options: Any) -> tuple[int, str]:
        found = tiny(*sets, recipe="none", **options)
        return found.job.train.image_size, found.sources["train.image_size"]

    assert size("train.image_size=20", architecture="simple_cnn") == (20, "--set")
    assert size(architecture="simple_cnn") == (150, "architecture")
    assert size() == (8, "dataset")
    assert size(dataset="flowers") == (128, "default")


def architecture(**more: Any) -> Entry:
    def mine(num_classes: int, in_chans: int = 3) -> None: ...

    return Entry(Architecture("mine", "m:mine", **more), Origin("python"), given=mine)


def with_architecture(dataset: str, *sets: str, **more: Any) -> Resolved:
    request = Request({"dataset": dataset}, sets, recipe="none", given={"architecture": architecture(**more)})
    return resolve(request, registry())


def test_normalisation_is_the_architectures_own():
    found = with_architecture("flowers", mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.3))
    assert (found.job.data.mean, found.job.data.std) == ([0.4, 0.5, 0.6], [0.1, 0.2, 0.3])
    assert found.sources["data.mean"] == "architecture"
    assert with_architecture("flowers", "data.mean=[0]", mean=(0.4, 0.5, 0.6)).job.data.mean == [0.0]
    assert with_architecture("flowers").job.data.mean == [0.5]


def test_normalisation_for_colour_is_averaged_for_grey_images():
    """Who names a colour network and grey images has asked for nothing wrong."""
    found = with_architecture("digits", mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.3))
    assert found.job.data.in_chans == 1
    assert found.job.data.mean == [pytest.approx(0.5)]
    assert found.job.data.std == [pytest.approx(0.2)]


def resizing(found: Resolved) -> tuple[str, str, float]:
    return found.job.data.resize, found.job.data.interpolation, found.job.data.crop_pct


def test_images_are_resized_as_the_architectures_were():
    found = with_architecture("flowers", interpolation="bicubic", crop_pct=0.9)
    assert resizing(found) == ("crop", "bicubic", 0.9)
    assert {found.sources[f"data.{key}"] for key in ("resize", "interpolation", "crop_pct")} == {"architecture"}
    assert resizing(with_architecture("flowers", crop_pct=1.0)) == ("crop", "bilinear", 1.0)
    assert resizing(with_architecture("flowers", interpolation="lanczos")) == ("squash", "lanczos", 1.0)
    assert resizing(with_architecture("flowers")) == ("squash", "bilinear", 1.0)


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        (["data.resize=squash"], ("squash", "bicubic", 1.0)),
        (["data.resize=crop"], ("crop", "bicubic", 0.9)),
        (["data.crop_pct=0.5"], ("crop", "bicubic", 0.5)),
        (["data.interpolation=box"], ("crop", "box", 0.9)),
        (["train.image_size=32"], ("crop", "bicubic", 0.9)),
    ],
)
def test_what_is_said_of_resizing_goes_over_the_architectures_word(sets: list[str], expected: tuple[str, str, float]):
    assert resizing(with_architecture("flowers", *sets, interpolation="bicubic", crop_pct=0.9)) == expected


def test_a_models_own_preprocessing_is_the_jobs():
    job = resolved(architecture="timm/vit_base_patch16_224", dataset="flowers").job
    assert (job.train.image_size, job.data.mean, job.data.std) == (224, [0.5] * 3, [0.5] * 3)
    assert (job.data.resize, job.data.interpolation, job.data.crop_pct) == ("crop", "bicubic", 0.9)
    assert resolved(architecture="timm/inception_v4", dataset="flowers").job.train.image_size == 299
    assert resolved(architecture="torchvision/inception_v3", dataset="flowers").job.train.image_size == 299


def test_a_whole_job_from_before_there_was_a_choice_of_resizing_is_run_as_it_was():
    job = resolved(architecture="timm/resnet18", dataset="flowers").job.plain()
    del job["data"]["interpolation"], job["data"]["crop_pct"]
    for resize in ("squash", "crop"):
        old = resolved(file={**job, "data": {**job["data"], "resize": resize}})
        assert resizing(old) == (resize, "bilinear", 1.0)
    assert resizing(resolved(file={"architecture": "timm/resnet18", "dataset": "flowers"})) == ("crop", "bicubic", 0.95)


def test_a_recipe_for_colour_fits_grey_images_too():
    job = resolved(architecture="timm/vgg11", dataset="digits", recipe="timm/*+*").job
    assert job.data.in_chans == 1
    assert len(job.data.mean) == len(job.data.std) == 1


# -- recipes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("architecture", "dataset", "seed", "recipe"),
    [
        ("tiny", "digits", 7, "tiny+digits"),
        ("local/tiny", "images/digits", 7, "tiny+digits"),
        ("tiny", "flowers", 8, "tiny+*"),
        ("simple_rnn", "flowers", 9, "*+flowers"),
        ("simple_rnn", "./flowers", 10, "*+image_folder"),
        ("resnet18", "digits", 11, "timm/*+digits"),
        ("simple_rnn", "cats_dogs", 0, None),
    ],
)
def test_the_pairs_own_recipe_is_found(architecture: str, dataset: str, seed: int, recipe: str | None):
    found = resolved(architecture=architecture, dataset=dataset)
    assert (found.job.seed, found.job.recipe) == (seed, recipe)


def test_a_recipe_by_name_takes_the_place_of_the_pairs_own():
    found = tiny(recipe="named")
    assert (found.job.loss.name, found.job.train.lr, found.job.seed) == ("mse", 0.5, 0)
    assert found.job.recipe == "named"
    assert found.recipe["expect"] == {"metric": "val/accuracy", "value": 0.9}


def test_no_recipe_is_a_recipe():
    found = tiny(recipe="none")
    assert (found.job.seed, found.job.recipe, found.recipe) == (0, None, {})
    assert tiny("recipe=none").job == found.job


def test_an_unknown_recipe_is_told_with_what_is_near():
    (problem,) = problems(recipe="nmed")
    assert problem.startswith("Unknown recipe 'nmed'. Did you mean 'named'")
    assert " Recipes: " in problem
    assert " *+*," not in problem, "the recipe of all jobs is nobody's to choose"


# -- a job's own file --------------------------------------------------------------------------------

ROUND_TRIPS: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    ((), {}),
    (("train.patience=3", "loss.gamma=1"), {"metrics": ["top3"], "lr": 1e-5}),
    ((), {"recipe": "none"}),
    ((), {"recipe": "named"}),
    (("augment=[flip, {name: affine, zoom: [0.5, 1.5]}]",), {"architecture": "simple_cnn"}),
    (("train.optimizer=lion", "train.optimizer.betas=[0.5, 0.9]"), {"architecture": "timm/resnet18"}),
    ((), {"dataset": "./flowers"}),
    ((), {"dataset": "flowers", "architecture": "simple_rnn"}),
]


@pytest.mark.parametrize(("sets", "options"), ROUND_TRIPS)
def test_a_resolved_job_as_a_file_is_the_same_job(sets: tuple[str, ...], options: dict[str, Any]):
    first = tiny(*sets, **options)
    again = resolved(file=yaml.safe_dump(first.job.plain(), sort_keys=False))
    assert again.job == first.job
    assert again.job.plain() == first.job.plain()
    assert {path: entry.id for path, entry in again.entries.items()} == {p: e.id for p, e in first.entries.items()}


def test_a_job_that_says_everything_needs_no_recipe_of_another_folder():
    job = tiny().job.plain()
    elsewhere = resolved(file={**job, "recipe": "of another folder"})
    assert elsewhere.job.plain() == {**job, "recipe": "of another folder"}
    with pytest.raises(JobError, match="Unknown recipe 'of another folder'"):
        resolved(file={"architecture": "tiny", "dataset": "digits", "recipe": "of another folder"})


def test_a_file_may_leave_out_what_a_recipe_says():
    found = resolved(file={"architecture": "tiny", "dataset": "digits"})
    assert (found.job.recipe, found.job.seed) == ("tiny+digits", 7)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "can't be read as YAML"),
        ("- tiny", "is not a job: it must be a mapping"),
        ("", "is not a job"),
    ],
)
def test_a_file_that_is_no_job_is_told_with_its_path(text: str, problem: str):
    with pytest.raises(RequestError, match=problem) as caught:
        resolved(file=text)
    assert "job.yaml" in str(caught.value)


def test_a_missing_file_is_told():
    with pytest.raises(RequestError, match=r"There is no job file 'gone\.yaml'"):
        resolve(Request(file=Path("gone.yaml")), registry())


# -- everything wrong at once ------------------------------------------------------------------------


def test_everything_wrong_is_told_at_once():
    told = problems(
        "train.epoch=5",
        "loss.gama=2",
        "novalue",
        "architecture.width=wide",
        architecture="tiny",
        metrics=["topk"],
        batch_size=0,
        device="gpu",
    )
    for part in (
        "--set 'novalue' is not of the form path=value",
        "--set: unknown key 'train.epoch'",
        "architecture.width must be int, not 'wide'",
        "loss has no parameter 'gama'. Did you mean 'gamma'",
        "Unknown metric 'topk'. Did you mean 'top_k'",
        "train.batch_size must be greater than or equal to 1, not 0 (command line)",
        "device must be auto, cpu, mps, cuda or cuda:N, not 'gpu' (command line)",
    ):
        assert [p for p in told if part in p], part
    assert len(told) == 7


def test_one_problem_is_a_paragraph_and_several_are_a_list():
    with pytest.raises(JobError) as caught:
        tiny(lr=-1)
    assert str(caught.value) == "train.lr must be greater than 0, not -1 (command line)."
    with pytest.raises(JobError) as caught:
        tiny(lr=-1, epochs=0)
    assert str(caught.value).splitlines()[0] == "The job has 2 problems:"


def test_unknown_components_of_every_kind_are_told_with_what_is_near():
    told = problems(
        "train.optimizer=adm",
        "train.schedule=cosin",
        "augment=[flp]",
        architecture="simple_cn",
        dataset="digit",
        loss="focl",
        recipe="none",
    )
    for part in ("'simple_cnn'", "'digits'", "'focal'", "'adam'", "'cosine'", "'flip'"):
        assert [p for p in told if f"Did you mean {part}" in p or f" or {part}" in p], part
    assert len(told) == 6
    assert "For your own images, give a folder" in next(p for p in told if "dataset" in p)


def test_what_has_to_be_said_and_is_not_is_told():
    with pytest.raises(JobError) as caught:
        resolved()
    assert caught.value.problems == [
        "architecture is missing; see: zoo list architecture",
        "dataset is missing; see: zoo list dataset",
    ]


@pytest.mark.parametrize("value", ["5", "[5]", "true", "{width: 3}", "null"])
@pytest.mark.parametrize("path", ["architecture", "dataset", "loss", "train.optimizer", "metrics", "augment", "recipe"])
def test_a_value_of_any_type_for_a_name_is_one_problem(path: str, value: str):
    own = {"architecture": "simple_rnn", "dataset": "digits"}
    own.pop(path, None)
    request = Request(own, (f"{path}={value}",))
    if (path, value) == ("recipe", "null"):
        assert resolve(request, registry()).job.recipe is None
        return
    with pytest.raises(JobError) as caught:
        resolve(request, registry())
    (problem,) = caught.value.problems
    assert path.rpartition(".")[2].removesuffix("s") in problem


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("data.mean=[0.1, 0.2]", "data: mean needs 1 value or 1 (one per channel), not 2."),
        ("data.std=[0]", "data: std must be positive."),
        ("data.crop_pct=0.9", "data: crop_pct 0.9 has no effect with resize=squash; set data.resize=crop."),
        ("data.crop_pct=1.5", "data.crop_pct must be less than or equal to 1, not 1.5 (--set)."),
        ("data.crop_pct=0", "data.crop_pct must be greater than 0, not 0 (--set)."),
        ("data.interpolation=cubic", "data.interpolation must be 'bilinear', 'bicubic', 'nearest', 'lanczos', "),
        ("data.store=ram", "data.store must be 'auto', 'disk' or 'stream', not 'ram' (--set)."),
        ("precision=fp8", "precision must be 'auto', 'fp32', 'bf16' or 'fp16', not 'fp8' (--set)."),
        ("train.lr=fast", "train.lr must be a valid number"),
        ("seed=-1", "seed must be greater than or equal to 0, not -1 (--set)."),
        ("train.ema_decay=1", "train.ema_decay must be less than 1, not 1 (--set)."),
        ("train.clip_norm=.nan", "train.clip_norm must be"),
        ("train.lr=.inf", "train.lr must be"),
    ],
)
def test_a_value_out_of_bounds_is_one_sentence(word: str, problem: str):
    (told,) = problems(word)
    assert told.startswith(problem)


def test_a_missing_folder_is_told_with_what_is_near():
    (problem,) = problems(dataset="./flower")
    assert problem.startswith("There is no folder or file 'flower'. Did you mean 'flowers'? Give a folder")
    (problem,) = problems(dataset="/no/such/place")
    assert problem.startswith("There is no folder or file '/no/such/place'. Give a folder of class folders")
    Path("notes.txt").write_text("")
    (problem,) = problems(dataset="./notes.txt")
    assert problem.startswith("No dataset opens 'notes.txt': give a folder of class folders, or a file (")
    assert ".csv" in problem


def test_a_component_that_cannot_be_imported_is_a_problem_with_the_others():
    Path("my_models.py").write_text("import zoo_no_such_module\n")
    told = problems(epochs=0)
    assert len(told) == 2
    assert "'local/tiny' of registry.yaml can't be imported" in told[0]


def test_a_name_of_two_plugins_is_a_problem_with_the_others(make_plugin: Callable[..., Path]):
    for name in ("acme", "beta"):
        make_plugin(name, "from zoo.plugin import *\n@hookimpl\ndef zoo_losses():\n    yield Loss('poly', 'm:X')\n")
    request = Request({"architecture": "tiny", "dataset": "digits", "loss": "poly", "train": {"epochs": 0}})
    with pytest.raises(JobError) as caught:
        resolve(request, Registry(discover(), open_shelf()))
    assert "acme/poly (zoo-acme) and beta/poly (zoo-beta)" in caught.value.problems[0]
    assert len(caught.value.problems) == 2


def test_a_run_of_an_older_zoo_keeps_to_what_its_recipe_was():
    """A recipe that has got a word more since has none for a run that was made without it."""
    from zoo.host.loader import open_registry

    options = {"architecture": "simple_cnn", "dataset": "cats_dogs", "train": {"image_size": 224}}
    old = resolve(Request(options=options, recipe="simple_cnn+cats_dogs"), open_registry()).job.plain()
    assert old["train"].pop("size_fraction") < 1
    del old["tta"], old["train"]["start_fraction"]
    Path("old.yaml").write_text(yaml.safe_dump(old))
    again = resolve(Request(file=Path("old.yaml")), open_registry()).job
    assert (again.train.size_fraction, again.tta, again.train.start_fraction) == (1.0, "none", 0.5)
    assert again.train.start_size == old["train"]["start_size"]


def test_a_job_file_of_an_older_zoo_says_the_same_job():
    """Keys that it couldn't know have their defaults: a run can be resumed after an update."""
    from zoo.host.loader import open_registry
    from zoo.job.layers import changes

    job = resolve(Request(options={"architecture": "simple_cnn", "dataset": "digits"}), open_registry()).job
    old = job.plain()
    for key in ("accumulate", "freeze", "l1", "sampler"):
        del old["train"][key]
    del old["weights"]
    assert changes(old, job) == []
    old["train"]["lr"] = 7.0
    assert changes(old, job) == ["train.lr: 7.0 before, 0.005 now"]
    assert changes({**job.plain(), "gone": 1}, job) == ["gone: 1 before, None now"]


# -- a parameter called as the component's own key is ----------------------------------------------------------


def test_a_parameter_called_name_does_not_take_the_components_place():
    Path("my_models.py").write_text(
        MODELS + "def fine(num_classes, name: str = 'other', k: int = 1):\n    return None\n"
    )
    Path("registry.yaml").write_text(OWN.replace("  metric:", "  metric:\n    fine: {target: './my_models.py:fine'}"))
    (metric,) = tiny("metrics=[fine]").job.metrics
    assert (metric.name, metric.params) == ("fine", {"k": 1})


# -- one component by two names ------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["cross_entropy", "losses/cross_entropy", "ce"])
def test_a_full_id_keeps_what_the_recipe_says_of_the_component(word: str):
    soft = "  soft: {loss: {name: cross_entropy, label_smoothing: 0.25}}\n"
    Path("registry.yaml").write_text(f"aliases: {{loss: {{ce: cross_entropy}}}}\n{OWN}{soft}")
    found = tiny(f"loss={word}", recipe="soft").job.loss
    assert (found.name, found.params["label_smoothing"]) == (word, 0.25)
    assert tiny("loss=losses/focal", recipe="soft").job.loss.params.get("label_smoothing") is None


def test_a_full_id_in_a_file_keeps_its_parameters_under_the_short_name():
    file = {
        "loss": {"name": "losses/focal", "gamma": 5},
        "train": {"optimizer": {"name": "optim/sgd", "momentum": 0.5}},
    }
    job = tiny("loss=focal", "train.optimizer=sgd", file=file).job
    assert (job.loss.params["gamma"], job.train.optimizer.params["momentum"]) == (5, 0.5)


@pytest.mark.parametrize("name", ["loss", "accuracy", "per_class", "confusion_matrix", "intervals"])
def test_no_metric_takes_the_place_of_a_number_that_every_evaluation_has(name: str):
    Path("registry.yaml").write_text(
        f"components: {{metric: {{{name}: {{base: top_k, params: {{k: 3}}}}}}}}\n", "utf-8"
    )
    with pytest.raises(JobError, match=rf"evaluation already has a '{name}'.*local/{name} would replace it"):
        resolved(architecture="simple_cnn", dataset="digits", metrics=["auroc", name])
    found = resolved(architecture="simple_cnn", dataset="digits", metrics=[f"local/{name}"])
    assert found.entry("metrics.0").id == f"local/{name}"


def test_the_zoos_own_metrics_keep_their_names():
    names = ["accuracy", "f1_macro", "f1_micro", "confusion_matrix", "mean_average_precision"]
    found = resolved(architecture="simple_cnn", dataset="digits", metrics=names)
    assert [metric.name for metric in found.job.metrics] == names


def test_an_architecture_refuses_a_number_of_channels_that_it_does_not_declare():
    assert with_architecture("digits", in_chans=(1, 3)).job.data.in_chans == 1
    assert with_architecture("digits", "data.in_chans=3", in_chans=(3,)).job.data.in_chans == 3
    with pytest.raises(JobError, match=r"'python/mine' takes images with 3 channels.* have 1\..*data\.in_chans=3"):
        with_architecture("digits", in_chans=(3,))
    with pytest.raises(ValueError, match=r"in_chans 3 is not of the form \(3,\)"):
        architecture(in_chans=3)
