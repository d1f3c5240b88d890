"""``zoo serve`` of a regression: numbers in the answers, their schema, the metrics and the page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zoo.testing.sample_bundle import sample_bundle

PNG = {"Content_Type": "image/png"}
TWO = {"mean": [3.0, 1700.0], "std": [2.0, 120.0]}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def two() -> Iterator[Any]:
    """A model of two values."""
    from zoo.api import load

    with sample_bundle(task="regression", classes=["x", "height"], outputs=TWO) as bundle:
        yield load(bundle.folder, registry=bundle.registry)


@pytest.fixture
def one(values_run: Path) -> Any:
    import zoo

    return zoo.load(values_run)


def opened(content: bytes) -> Any:
    return Image.open(BytesIO(content))


@pytest.fixture
def classifier(request: pytest.FixtureRequest) -> Any:
    """The model of ``serving``: of two values, unless a test names another."""
    return request.getfixturevalue(getattr(request, "param", "two"))


@pytest.mark.parametrize("classifier", ["one"], indirect=True)
def test_a_value_is_what_the_model_predicts(one, serving, picture):
    status, _, said = serving().ask(body=picture(), **PNG)
    assert status == 200
    (found,) = said["predictions"]
    assert set(found) == {"path", "value", "interval", "coverage"}
    assert found["interval"][0] < found["value"] < found["interval"][1]
    assert found["value"] == pytest.approx(one.predict(opened(picture()))[0]["value"], abs=1e-3)


def test_several_values_have_their_names_and_a_bad_file_its_error(serving, picture):
    status, _, said = serving().form(("a.png", picture()), ("b.png", b"no picture"))
    assert status == 200
    good, bad = said["predictions"]
    assert set(good["values"]) == {"x", "height"}
    assert bad == {"path": "b.png", "error": "b.png: not a readable image"}


def test_the_heat_map_is_of_the_value_farthest_from_its_mean(serving, picture):
    (found,) = serving().ask("/predict?explain=true", picture(), **PNG)[2]["predictions"]
    far = {
        name: abs(found["values"][name] - mean) / std
        for name, mean, std in zip(("x", "height"), *TWO.values(), strict=True)
    }
    assert found["explanation"]["output"] == max(far, key=far.__getitem__)
    assert found["explanation"]["seen"].startswith("data:image/jpeg")


def test_answers_are_as_the_schema_says(serving, picture):
    from zoo_serve.schemas import ValuesResponse

    server = serving()
    answered = server.ask("/predict?explain=true", picture(), **PNG)[2]
    assert ValuesResponse.model_validate(answered).model_dump(exclude_unset=True) == answered
    described = server.ask("/openapi.json")[2]
    post = described["paths"]["/predict"]["post"]
    assert post["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/ValuesResponse")
    assert [each["name"] for each in post["parameters"]] == ["explain"]
    assert post["summary"] == "Predict x, height of one or many images"


def test_an_interval_is_a_part_of_the_schema():
    from zoo_serve.schemas import ValuePrediction

    row = {"path": None, "value": 3.0, "interval": [1.0, 4.5], "coverage": 0.9}
    assert json.loads(ValuePrediction.model_validate(row).model_dump_json(exclude_unset=True)) == row


def test_metrics_count_values_and_no_classes(serving, picture):
    server = serving()
    values = [server.ask(body=picture(seed=seed), **PNG)[2]["predictions"][0]["values"] for seed in (1, 2)]
    lines = server.ask("/metrics")[2].decode().splitlines()
    assert "zoo_answers_total 2.0" in lines
    assert not any("label=" in line for line in lines)
    assert 'zoo_model_info{architecture="local/tiny_network",values="2"} 1.0' in lines
    below = sum(each["height"] <= 1700 for each in values)
    assert f'zoo_values_bucket{{le="0.0",output="height"}} {below}.0' in lines


def test_a_confidence_threshold_is_refused(refused, values_run: Path):
    said = refused("serve", values_run, "--reject-below", "0.5")
    assert "--reject-below is about a confidence, but this model predicts numbers (value)" in said


def test_samples_show_the_true_number(values_run: Path):
    from zoo_serve.samples import samples_of

    labels = [each["label"] for each in samples_of(str(values_run))]
    assert labels
    assert set(labels) <= set("0123456789")


@pytest.mark.slow
def test_the_page_shows_the_numbers(serving, picture, tmp_path: Path):
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium")
    server, problems = serving(), list[str]()
    (tmp_path / "a.png").write_bytes(picture())
    wanted = server.ask(body=picture(), **PNG)[2]["predictions"][0]["values"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.set_input_files("#file", str(tmp_path / "a.png"))
        page.locator("#answers h2").nth(1).wait_for()
        shown = page.locator("#answers h2").all_text_contents()
        assert page.title() == "Predict x, height · zoo"
        assert page.locator("#model").text_content() == "local/tiny_network, 2 values"
        browser.close()
    assert shown == [f"x {wanted['x']:.4g}", f"height {wanted['height']:,.0f}"]
    assert problems == []
