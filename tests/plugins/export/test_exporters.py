"""zoo_export: the path around the network, against Pillow's; what an artifact says of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from zoo.data.decode import Shape, framed, to_pixels
from zoo_export.card import resizing
from zoo_export.whole import Answer, Prepare, Whole

SIDES = [(375, 500), (500, 333), (97, 64), (64, 64), (41, 200)]


def card(**shape: Any) -> dict[str, Any]:
    """A zoo.json for images of 64 px, with no normalisation but that to 0..1."""
    whole = {"image_size": 64, "in_chans": 3, "resize": "squash", "mean": [0.0] * 3, "std": [1.0] * 3, **shape}
    return {"schema": 1, "classes": ["a", "b"], "preprocessing": whole, "temperature": 2.0}


def picture(high: int, wide: int) -> np.ndarray:
    """Something smooth with edges in it, as a photo is: uint8 (high, wide, 3)."""
    drawn = np.random.default_rng(high + wide).integers(0, 256, (high // 8 + 1, wide // 8 + 1, 3), np.uint8)
    return np.array(Image.fromarray(drawn).resize((wide, high), Image.Resampling.BICUBIC))


def of_pillow(image: np.ndarray, described: dict[str, Any]) -> np.ndarray:
    shape = described["preprocessing"]
    words = {key: shape[key] for key in ("interpolation", "crop_pct") if key in shape}
    return to_pixels(Image.fromarray(image), shape["image_size"], 3, shape["resize"], **words)


def assert_near(found: np.ndarray, wanted: np.ndarray, filter: str) -> None:
    """Two grey values at the most, where filters are rounded otherwise; the nearest pixel may be the one beside it."""
    differs = np.abs(found - wanted)
    if filter == "nearest":
        assert (differs > 0.01).mean() < 0.05
        return
    assert differs.max() <= 2.001
    assert differs.mean() < 0.01


@pytest.mark.parametrize("filter", ["bilinear", "bicubic", "nearest"])
@pytest.mark.parametrize("crop", [None, 0.875, 1.0])
@pytest.mark.parametrize("sides", SIDES)
def test_torch_resizes_as_pillow_does_to_a_grey_value(filter, crop, sides):
    shape: dict[str, Any] = {"interpolation": filter}
    described = card(**shape) if crop is None else card(resize="crop", crop_pct=crop, **shape)
    image = picture(*sides)
    found = (Prepare(described)(torch.from_numpy(image)[None])[0] * 255).permute(1, 2, 0).numpy()
    assert_near(found, of_pillow(image, described), filter)


@pytest.mark.parametrize("filter", ["bilinear", "bicubic", "nearest"])
@pytest.mark.parametrize("crop", [None, 0.875, 1.0])
@pytest.mark.parametrize("sides", SIDES)
def test_onnx_resizes_as_pillow_does_to_a_grey_value(filter, crop, sides):
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    from zoo_export.onnx_graph import around

    shape: dict[str, Any] = {"interpolation": filter}
    described = card(**shape) if crop is None else card(resize="crop", crop_pct=crop, **shape)
    floats = onnx.TensorProto.FLOAT
    network = onnx.helper.make_model(
        onnx.helper.make_graph(
            [onnx.helper.make_node("GlobalAveragePool", ["normalized"], ["p"]),
             onnx.helper.make_node("Flatten", ["p"], ["logits"])],
            "net",
            [onnx.helper.make_tensor_value_info("normalized", floats, ["n", 3, 64, 64])],
            [onnx.helper.make_tensor_value_info("logits", floats, ["n", 3])],
        ),
        opset_imports=[onnx.helper.make_opsetid("", 18)],
        ir_version=10,
    )  # fmt: skip
    model = around(network, {**described, "classes": ["a", "b", "c"]})
    model.graph.output.append(onnx.helper.make_tensor_value_info("zoo_unit", floats, None))
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    image = picture(*sides)
    found = session.run(["zoo_unit"], {"images": image[None]})[0][0].transpose(1, 2, 0) * 255
    assert_near(found, of_pillow(image, described), filter)


@pytest.mark.parametrize("crop", [0.8, 0.875, 0.9, 0.965, 1.0])
def test_framed_images_come_back_as_they_were(crop):
    described = card(resize="crop", crop_pct=crop, interpolation="bicubic")
    pixels = np.stack([picture(64, 64), picture(64, 65)[:, :64]])
    shape = Shape(64, 3, "crop", "bicubic", crop)
    found = Prepare(described)(torch.from_numpy(framed(pixels, shape))) * 255
    np.testing.assert_allclose(found.permute(0, 2, 3, 1).numpy(), pixels, atol=1e-3)


@pytest.mark.parametrize(("filter", "mode"), [("lanczos", "bicubic"), ("box", "bilinear"), ("hamming", "bilinear")])
def test_a_filter_that_no_format_has_is_the_one_most_like_it(filter, mode):
    assert resizing(card(interpolation=filter)).mode == mode


def test_the_temperature_is_in_the_probabilities():
    logits = torch.tensor([[2.0, -1.0]])
    torch.testing.assert_close(Answer(card())(logits), (logits / 2).softmax(1))
    several = Answer({**card(), "task": "multi-label"})
    torch.testing.assert_close(several(logits), logits.sigmoid())


def test_normalisation_is_the_cards():
    described = card(mean=[0.5, 0.25, 0.1], std=[0.5, 0.1, 0.2])
    image = picture(64, 64)
    found = Whole(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), {**described, "temperature": 1.0})
    wanted = ((image / 255 - [0.5, 0.25, 0.1]) / [0.5, 0.1, 0.2]).mean((0, 1))
    torch.testing.assert_close(
        found(torch.from_numpy(image)[None])[0].log().diff(), torch.tensor(np.diff(wanted)).float()
    )
