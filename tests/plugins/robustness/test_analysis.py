"""``zoo evaluate --corruptions``: the table, the summary, the page, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.errors import RequestError
from zoo_robustness.analysis import Corruptions, chosen_kinds
from zoo_robustness.corrupt import KINDS
from zoo_robustness.report import table_lines
from zoo_robustness.summary import mean_interval

Zoo = Callable[..., tuple[int, str, str]]


def corrupted(zoo: Zoo, *words: Any) -> Any:
    code, out, err = zoo("evaluate", *words, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)["analyses"]["corruptions"]["val"]


def test_the_document(zoo: Zoo, colours_run: Path):
    found = corrupted(zoo, colours_run, "--corruptions", "--strengths", "5,1", "--only", "noise, brightness")
    assert list(found["kinds"]) == ["gaussian_noise", "shot_noise", "impulse_noise", "brightness"]
    assert found["strengths"] == [1, 5]
    assert (found["metric"], found["clean"], found["size"], found["images"]) == ("accuracy", 1.0, 16, 9)
    assert {each["category"] for each in found["kinds"].values()} == {"noise", "weather"}
    for each in found["kinds"].values():
        assert each["values"].keys() == {"1", "5"}
        assert each["mean"] == pytest.approx(np.mean(list(each["values"].values())))
    assert found["mean"] == pytest.approx(np.mean([each["mean"] for each in found["kinds"].values()]))
    assert found["relative"] == pytest.approx(found["mean"])
    again = corrupted(zoo, colours_run, "--corruptions", "--strengths", "1,5", "--only", "noise,brightness")
    assert again == found, "the same seed and images give the same numbers"


def test_the_numbers_are_those_of_the_corrupted_images(zoo: Zoo, digits_run: Path):
    found = corrupted(zoo, digits_run, "--corruptions", "--strengths", "5", "--only", "contrast,gaussian-noise")
    accuracy = found["kinds"]["gaussian_noise"]["values"]["5"]
    assert 0 <= accuracy <= 1
    assert accuracy != found["clean"]
    low, high = found["interval"]
    assert low <= found["mean"] <= high


def test_some_of_the_images(zoo: Zoo, digits_run: Path):
    words = ("--corruptions", "--strengths", "1", "--only", "fog")
    found = corrupted(zoo, digits_run, *words, "--corrupted-images", "40")
    assert found["images"] == 40
    assert found["clean"] * 40 == pytest.approx(round(found["clean"] * 40))
    assert corrupted(zoo, digits_run, *words, "--corrupted-images", "1000")["images"] == 360


def test_the_report_and_the_page(zoo: Zoo, colours_run: Path, tmp_path: Path):
    words = ("--corruptions", "--only", "weather,jpeg_compression", "--html", tmp_path / "page.html")
    code, out, _ = zoo("evaluate", colours_run, *words)
    assert code == 0
    said = out.partition("Corruptions")[2]
    assert said.split("\n")[1].split() == ["accuracy", "1", "2", "3", "4", "5", "mean"]
    assert "jpeg compression " in said
    assert "9 images, corrupted at 16 pixels with the parameters of ImageNet-C" in " ".join(said.split())
    page = (tmp_path / "page.html").read_text()
    assert page.index("<h2>Corruptions</h2>") < page.index("weather, 5: ") < page.index("jpeg compression ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--only", "nois"), "There is no corruption 'nois'. Did you mean 'noise'"),
        (("--strengths", "1,6"), "There is no strength 6: strengths are from 1 (weak) to 5 (strong)."),
        (("--strengths", "weak"), "--strengths 'weak' is not a whole number separated by commas"),
        (("--corrupted-images", "0"), "0 images can't be corrupted. Type: --corrupted-images 500"),
    ],
)
def test_what_is_refused(refused: Callable[..., str], colours_run: Path, words: tuple[str, ...], said: str):
    assert said in " ".join(refused("evaluate", colours_run, "--corruptions", *words).split())


def test_images_of_other_channels():
    class Infrared:
        def gather(self, indices: Any) -> Any:
            return np.zeros((len(indices), 8, 8, 4), np.uint8)

    split: Any = Infrared()
    with pytest.raises(RequestError, match="for images of 1 or 3 channels; these have 4"):
        Corruptions().check(split)


def test_names_and_categories_in_the_order_of_the_paper():
    assert chosen_kinds(None) == list(KINDS)
    assert chosen_kinds(["fog", "Defocus-Blur", "fog"]) == ["defocus_blur", "fog"]
    assert chosen_kinds(["digital"]) == ["contrast", "elastic_transform", "pixelate", "jpeg_compression"]


def test_the_interval_of_the_mean():
    rng = np.random.default_rng(0)
    shares = rng.binomial(15, 0.8, 400) / 15
    found = mean_interval(shares)
    assert found is not None
    half = 1.96 * shares.std() / 20
    assert found == pytest.approx([shares.mean() - half, shares.mean() + half], abs=0.003)
    assert mean_interval(np.ones(10)) is None


def test_a_task_without_an_accuracy_has_a_table_as_well():
    kinds = {"fog": {"category": "weather", "values": {"1": 2.5}, "mean": 2.5}}
    document = {"metric": "mae", "strengths": [1], "clean": 1.25, "kinds": kinds, "mean": 2.5, "interval": None}
    lines = list(table_lines({**document, "relative": 2.0, "images": 5, "size": 8}))
    assert lines[:2] == ["MAE      1   mean", "fog    2.5    2.5"]


def test_several_labels(zoo: Zoo, tmp_path: Path):
    from PIL import Image

    lines = ["path,labels"]
    for i in range(40):
        Image.new("RGB", (8, 8), (200 * (i % 2), 200 * (i // 2 % 2), 0)).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,{';'.join(name for name, has in (('red', i % 2), ('green', i // 2 % 2)) if has)}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    words = ("--epochs", "1", "--recipe", "none", "--image-size", "8", "--device", "cpu", "--quiet", "--name", "two")
    shape = "architecture={channels: [4], batch_norm: true, global_pool: avg}"
    job = (*words, "--set", shape, "--set", "loss=binary_cross_entropy")
    assert zoo("run", "simple_cnn", tmp_path / "list.csv", *job)[0] == 0
    found = corrupted(zoo, "two", "--corruptions", "--strengths", "2", "--only", "fog")
    assert found["metric"] == "accuracy"
    assert 0 <= found["mean"] <= 1
