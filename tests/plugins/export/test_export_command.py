"""``zoo export`` as it is typed: what is kept answers as the run does, and what doesn't is not kept."""

from __future__ import annotations

import functools
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.host.loader import open_registry

onnx = pytest.importorskip("onnx", reason="ONNX is an extra: pip install 'visionzoo[export]'")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

Zoo = Callable[..., tuple[int, str, str]]
FORMATS = ("onnx", "pt2", "torchscript", "safetensors")


@pytest.fixture
def turned_away(zoo: Zoo) -> Callable[..., str]:
    """Type a command that is refused once it has begun; gives its last word, one paragraph, and nothing is left."""

    def typed(*words: object, code: int = 1) -> str:
        before = sorted(Path().rglob("*"))
        got, out, err = zoo(*words)
        assert got == code, (got, out, err)
        assert out == ""
        last = err.splitlines()[-1]
        assert last.startswith("zoo: "), err
        assert len(last) < 900
        assert "defect" not in last
        assert "Traceback" not in err
        assert sorted(Path().rglob("*")) == before
        return last

    return typed


@pytest.fixture(scope="module")
def as_written(digits_run: Path) -> bytes:
    """The network of the digits' run as torch's exporter writes it: that takes longer than all the rest."""
    from zoo.host.loader import open_registry
    from zoo.model.bundle import load_model
    from zoo_export import onnx_file

    network, card = load_model(digits_run / "model", open_registry())
    return onnx_file._network(network, card, False).SerializeToString()


@pytest.fixture
def exported(zoo: Zoo, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Type the command; gives its document."""

    def typed(*words: object) -> dict[str, Any]:
        code, out, err = zoo("export", *words, "--json")
        assert code == 0, err
        return json.loads(out)

    return typed


def pictures(count: int, high: int, wide: int, channels: int = 3) -> np.ndarray:
    drawn = np.random.default_rng(0).integers(0, 256, (count, high, wide, channels), np.uint8)
    return drawn.repeat(2, axis=1).repeat(2, axis=2)


# -- what is kept ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_answers_as_the_run_and_says_so(exported, digits_run, tmp_path, form):
    found = exported(digits_run, "--format", form, "--out", tmp_path / f"m.{form}")
    assert found["check"]["images"] == 360
    assert found["check"]["disagreements"] == 0
    assert found["check"]["largest_difference"] < 1e-4
    assert found["resize"]["images"] == 64
    assert found["bytes"] == (tmp_path / f"m.{form}").stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == [f"m.{form}"]


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
def test_a_crop_in_the_file_is_the_jobs(exported, cropped_run, colours, tmp_path, form):
    """The gate gives it pixels that are cut already; photos in their own size are cut where the zoo cuts them."""
    import zoo as library

    file = tmp_path / f"m.{form}"
    exported(cropped_run, "--format", form, "--out", file)
    from zoo.model.exported import open_file

    artifact, classifier = open_file(file, open_registry()), library.load(cropped_run, device="cpu")
    for image in (pictures(1, 13, 20)[0], pictures(1, 33, 16)[0], pictures(1, 10, 10)[0]):
        wanted = classifier.probabilities([classifier.pixels(image.transpose(2, 0, 1).copy())])
        np.testing.assert_allclose(artifact(image[None]), wanted.numpy(), atol=5e-3)
    assert artifact(pictures(7, 12, 15)).shape == (7, 3)


def test_onnx_says_what_it_is_to_whoever_reads_it(exported, digits_run, tmp_path):
    exported(digits_run, "--out", tmp_path / "m.onnx")
    model = onnx.load(tmp_path / "m.onnx")
    said = {entry.key: entry.value for entry in model.metadata_props}
    card = json.loads((digits_run / "model" / "zoo.json").read_text("utf-8"))
    assert json.loads(said["classes"]) == card["classes"]
    assert json.loads(said["preprocessing"]) == card["preprocessing"]
    assert json.loads(said["provenance"]) == card["provenance"]
    assert float(said["temperature"]) == card["temperature"]
    written = json.loads(said["zoo.json"])
    assert written.pop("exported")["params"] == {"quantize": None, "half": False, "calibration": 256}
    assert written == card
    shape = model.graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_param for dim in shape[:3]] == ["N", "H", "W"]


def test_by_default_it_lies_in_the_run_and_is_not_replaced_unasked(zoo, refused, digits_run, tmp_path):
    run = shutil.copytree(digits_run, tmp_path / "copy")
    code, out, _ = zoo("export", run, "--format", "safetensors")
    assert code == 0
    assert "all 360 val images compared with the run" in out
    assert (run / "model.safetensors").is_file()
    assert "--overwrite" in refused("export", run, "--format", "safetensors")
    assert zoo("export", run, "--format", "safetensors", "--overwrite")[0] == 0


def test_weights_in_half_the_room_within_the_bound(exported, digits_run, tmp_path):
    found = exported(digits_run, "--format", "safetensors", "--half", "--out", tmp_path / "h.safetensors")
    assert found["lossy"]["params"] == {"half": True}
    assert abs(found["lossy"]["loss"]) <= 0.01
    assert found["lossy"]["bytes"]["after"] < found["lossy"]["bytes"]["before"]


@pytest.mark.slow
def test_eight_bits_with_accuracy_size_and_speed_before_and_after(zoo, digits_run, tmp_path):
    file = tmp_path / "q.onnx"
    code, out, err = zoo("export", digits_run, "--quantize", "int8", "--max-loss", "0.05", "--out", file)
    assert code == 0, err
    for word in ("float32", "int8", "accuracy", "size", "images/s", "times as fast", "differ"):
        assert word in out
    kinds = {node.op_type for node in onnx.load(file).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    assert [path.name for path in tmp_path.iterdir()] == ["q.onnx"]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["onnx", "pt2", "torchscript"])
def test_half_precision_in_every_program(exported, digits_run, tmp_path, form):
    found = exported(digits_run, "--format", form, "--half", "--max-loss", "0.05", "--out", tmp_path / f"h.{form}")
    assert found["lossy"]["largest_difference"] < 0.05


# -- what is refused ------------------------------------------------------------------------------------


def tampered(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], None], network: bytes) -> None:
    """The file is changed after it was written, before it is checked."""
    from zoo_export import onnx_file

    written = onnx_file.export
    monkeypatch.setattr(onnx_file, "_network", lambda *words: onnx.load_from_string(network))

    @functools.wraps(written)
    def export(bundle: Path, path: Path, *words: Any, **params: Any) -> None:
        written(bundle, path, *words, **params)
        model = onnx.load(path)
        change(model)
        onnx.save(model, path)

    monkeypatch.setattr(onnx_file, "export", export)


def changed(model: Any, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    for tensor in model.graph.initializer:
        if tensor.name == name:
            value = onnx.numpy_helper.to_array(tensor)
            tensor.CopyFrom(onnx.numpy_helper.from_array(change(value).astype(value.dtype), name))
            return
    raise AssertionError(f"no constant {name}")


def other_mean(model: Any) -> None:
    changed(model, "zoo_mean", lambda mean: mean + 0.2)


def other_weights(model: Any) -> None:
    largest = max(
        (t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT),
        key=lambda t: np.prod(t.dims),
    )
    changed(model, largest.name, lambda weights: weights * 1.05)


def other_order(model: Any) -> None:
    for entry in model.metadata_props:
        if entry.key == "zoo.json":
            card = json.loads(entry.value)
            card["classes"].reverse()
            entry.value = json.dumps(card)


def other_outputs(model: Any) -> None:
    """The probabilities, the other way round."""
    model.graph.node[-1].output[0] = "reversed"
    begin = [onnx.numpy_helper.from_array(np.array([v], np.int64), f"r{v}") for v in (-1, 1)]
    end = onnx.numpy_helper.from_array(np.array([np.iinfo(np.int64).min], np.int64), "end")
    model.graph.initializer.extend([*begin, end])
    names = ["reversed", "r-1", "end", "r1", "r-1"]
    model.graph.node.append(onnx.helper.make_node("Slice", names, ["probabilities"]))


def not_a_number(model: Any) -> None:
    changed(model, "zoo_temperature", lambda value: value * np.nan)


def one_size_only(model: Any) -> None:
    """A file that takes two images at a time, and no other number."""
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (other_mean, "it differs from the model on"),
        (other_weights, "off by up to"),
        (other_order, "its metadata differs from the bundle in 'classes'"),
        (other_outputs, "it differs from the model on 360 of 360"),
        (not_a_number, "off by up to nan"),
        (one_size_only, "fails on 1 images"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_file_that_was_tampered_with_is_not_kept(
    monkeypatch, turned_away, digits_run, as_written, tmp_path, change, said
):
    tampered(monkeypatch, change, as_written)
    text = turned_away("export", digits_run, "--out", tmp_path / "m.onnx")
    assert said in text
    assert "was not kept" in text
    assert list(tmp_path.iterdir()) == []


def test_more_loss_than_allowed_is_refused(monkeypatch, zoo, digits_run, tmp_path):
    from zoo_export import weights_file

    written = weights_file.export

    @functools.wraps(written)
    def export(bundle: Path, path: Path, network: Any, half: bool = False) -> None:
        import copy

        import torch

        other = copy.deepcopy(network)
        if half:
            for weight in other.parameters():
                torch.nn.init.zeros_(weight)
        written(bundle, path, other, half)

    monkeypatch.setattr(weights_file, "export", export)
    words = ("export", digits_run, "--format", "safetensors", "--half", "--out", tmp_path / "m.safetensors")
    code, _, err = zoo(*words)
    assert code == 1
    assert "above --max-loss 0.01" in err
    assert list(tmp_path.iterdir()) == []
    assert zoo(*words, "--max-loss", "1")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "onx"], ["Unknown exporter 'onx'", "Did you mean 'onnx'"]),
        (["--format", "keras"], ["Unknown exporter 'keras'", "onnx", "zoo list exporter"]),
        (["--format", "pt2", "--quantize", "int8"], ["pt2 has no parameter 'quantize'", "half"]),
        (["--quantize", "int4"], ["quantize", "'int4'", "'int8'"]),
        (["--max-loss", "2"], ["--max-loss"]),
    ],
)
def test_a_wrong_request_is_told_before_anything_is_written(refused, digits_run, words, said):
    text = refused("export", digits_run, *words, "--out", "m.onnx")
    assert all(word in text for word in said), text


def test_eight_bits_and_sixteen_are_too_much(turned_away, digits_run):
    words = ("export", digits_run, "--quantize", "int8", "--half", "--out", "m.onnx")
    assert "--quantize int8 and --half can't be combined" in turned_away(*words, code=2)


def test_a_run_that_is_not_there(refused):
    assert "There is no run 'nothing'" in refused("export", "nothing")


def test_a_bundle_alone_can_not_be_checked(refused, digits_run, tmp_path):
    bundle = shutil.copytree(digits_run / "model", tmp_path / "bundle")
    assert "job.yaml" in refused("export", bundle)


def test_a_folder_that_is_not_there_or_can_not_be_written(refused, digits_run, tmp_path, monkeypatch):
    assert "is not a folder" in refused("export", digits_run, "--out", tmp_path / "no" / "m.onnx", code=1)

    def denied(**words: Any) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("zoo.storage.files.tempfile.mkdtemp", denied)
    assert "can't be written: Permission denied" in refused("export", digits_run, "--out", "m.onnx", code=1)


def test_without_the_packages_it_says_what_to_install(turned_away, digits_run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    text = turned_away("export", digits_run, "--out", tmp_path / "m.onnx", code=2)
    assert "onnxscript" in text
    assert "pip install 'visionzoo[export]'" in text
    assert list(tmp_path.iterdir()) == []


def test_what_is_interrupted_leaves_no_file(zoo, digits_run, tmp_path, monkeypatch):
    def stopped(*words: Any, **params: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("zoo_export.exporting.same_answers", stopped)
    code, _, err = zoo("export", digits_run, "--format", "safetensors", "--out", tmp_path / "m.safetensors")
    assert code == 130
    assert err.endswith("zoo: interrupted.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_can_not_be_written_is_one_paragraph(turned_away, digits_run, tmp_path, monkeypatch):
    def fails(*words: Any, **params: Any) -> None:
        raise RuntimeError("no such operator\nand a thousand lines")

    monkeypatch.setattr("torch.export.export", fails)
    text = turned_away("export", digits_run, "--format", "pt2", "--out", tmp_path / "m.pt2")
    assert "can't be written as pt2: RuntimeError: no such operator" in text
    assert "thousand" not in text


def test_an_exporter_without_a_reader_is_not_checked_and_says_so(make_plugin, zoo, digits_run, tmp_path):
    make_plugin(
        "acme",
        "from zoo.plugin import Exporter, hookimpl\n"
        "@hookimpl\ndef zoo_exporters():\n    yield Exporter('npz', 'zoo_acme:save', summary='A copy')\n"
        "def save(bundle, path):\n    path.write_bytes((bundle / 'model.safetensors').read_bytes())\n",
    )
    code, out, err = zoo("export", digits_run, "--format", "npz", "--out", tmp_path / "m.npz")
    assert code == 0, err
    assert "no reader" in out


TWO_FILES = """
from pathlib import Path
from zoo.plugin import Exporter, hookimpl
from zoo_export import weights_file

@hookimpl
def zoo_exporters():
    yield Exporter("graph", "zoo_acme:save", suffix=".xml", reader="zoo_acme:read", summary="A graph and its weights")

def save(bundle, path, network, far: bool = False, half: bool = False):
    weights = path.with_suffix(".bin")
    weights_file.export(bundle, weights, network, half)
    path.write_text(NAMED)

def read(path, build):
    return weights_file.read(path.parent / path.read_text(), build)
"""


@pytest.mark.parametrize("option", [(), ("--half",)], ids=["exact", "half"])
def test_all_files_of_an_export_are_kept_together(make_plugin, exported, digits_run, tmp_path, option):
    from zoo.model.exported import open_file

    make_plugin("acme", TWO_FILES.replace("NAMED", "weights.name"))
    out = tmp_path / "out"
    out.mkdir()
    found = exported(digits_run, "--format", "graph", "--out", out / "m.xml", *option)
    assert sorted(path.name for path in out.iterdir()) == ["m.bin", "m.xml"]
    assert found["bytes"] == sum(path.stat().st_size for path in out.iterdir())
    assert any("m.bin" in text for text in found["notices"])
    assert open_file(out / "m.xml", open_registry())(pictures(2, 4, 4, 1)).shape == (2, 10)


def test_a_file_beside_the_export_is_not_replaced_unasked(make_plugin, zoo, digits_run, tmp_path):
    make_plugin("acme", TWO_FILES.replace("NAMED", "weights.name"))
    out = tmp_path / "out"
    out.mkdir()
    (out / "m.bin").write_text("mine")
    words = ("export", digits_run, "--format", "graph", "--out", out / "m.xml")
    text = zoo(*words)
    assert text[0] == 2
    assert "m.bin" in text[2]
    assert "--overwrite" in text[2]
    assert [(path.name, path.read_text()) for path in out.iterdir()] == [("m.bin", "mine")]
    assert zoo(*words, "--overwrite")[0] == 0
    assert (out / "m.bin").read_bytes() != b"mine"


def test_an_export_that_can_not_be_read_where_it_is_kept_is_not_kept(make_plugin, zoo, digits_run, tmp_path):
    """One that names a file by where it was made."""
    make_plugin("acme", TWO_FILES.replace("NAMED", "str(weights.absolute())"))
    out = tmp_path / "out"
    out.mkdir()
    for name in ("m.xml", "m.bin"):
        (out / name).write_text("the old one")
    code, _, err = zoo("export", digits_run, "--format", "graph", "--out", out / "m.xml", "--overwrite")
    assert code == 1
    assert "was not kept" in err
    assert "moved" in err
    assert sorted((path.name, path.read_text()) for path in out.iterdir()) == [
        ("m.bin", "the old one"),
        ("m.xml", "the old one"),
    ]


# -- a file in use --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(colours_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the colours' run."""
    return shutil.copytree(colours_run, tmp_path_factory.mktemp("file") / "run")


@pytest.fixture
def file(home: Path) -> Path:
    """The colours' run as ONNX, in the run's folder; written for the first test that needs it."""
    from zoo_export.exporting import ExportOptions, export_run

    if not (home / "model.onnx").is_file():
        export_run(home, ExportOptions("onnx"), registry=open_registry())
    return home / "model.onnx"


def test_predict_by_a_file_is_predict_by_its_run(zoo, file, colours):
    by_file = json.loads(zoo("predict", file, colours / "red", "--json")[1])["predictions"]
    by_run = json.loads(zoo("predict", file.parent, colours / "red", "--json")[1])["predictions"]
    assert [p["label"] for p in by_file] == [p["label"] for p in by_run]
    np.testing.assert_allclose([p["confidence"] for p in by_file], [p["confidence"] for p in by_run], atol=1e-4)


def test_evaluate_a_file_on_its_runs_images_and_on_others(zoo, refused, file, colours, tmp_path):
    code, out, err = zoo("evaluate", file, "--json")
    assert code == 0, err
    assert json.loads(out)["metrics"]["val"]["accuracy"] == 1.0
    alone = shutil.copy(file, tmp_path / "alone.onnx")
    assert "zoo evaluate FILE DATASET" in refused("evaluate", alone)
    code, out, err = zoo("evaluate", alone, colours, "--json")
    assert code == 0, err
    (numbers,) = json.loads(out)["metrics"].values()
    assert numbers["accuracy"] == 1.0


def test_bench_a_file_and_two(zoo, refused, file):
    code, out, err = zoo("bench", file, "--steps", "2")
    assert code == 0, err
    assert "images/s in batches of 16" in out
    code, out, _ = zoo("bench", file, "--compare", file, "--steps", "2", "--batch-size", "4", "--json")
    assert code == 0
    assert json.loads(out)["comparison"]["inference"]["ratio"] > 0
    assert "is not an exported file" in refused("bench", file, "--compare", "simple_cnn")
    assert "--batch-size" in refused("bench", file, "--image-size", "32")


def test_a_file_that_is_damaged_or_not_the_zoos(refused, file, colours, tmp_path):
    image = colours / "red" / "00.png"
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(file.read_bytes()[:1000])
    assert "can't be read as onnx" in refused("predict", broken, image)
    model = onnx.load(file)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    assert "it was not exported by the zoo" in refused("predict", tmp_path / "foreign.onnx", image)
    assert "on the CPU" in refused("predict", file, image, "--device", "cuda")
