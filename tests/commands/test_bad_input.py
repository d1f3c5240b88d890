"""What a user can get wrong, and what the machine can: each is told in one short paragraph, and leaves no mess."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

RUN = ("run", "simple_cnn")

# -- names and values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["simple_cn", "digits"], ["'simple_cn'", "Did you mean 'simple_cnn'", "zoo list architecture"]),
        (["perceptron", "digits"], ["'perceptron'", "zoo list architecture"]),
        (["digits", "simple_cnn"], ["The architecture comes first: zoo run simple_cnn digits"]),
        (["./photos", "simple_cnn"], ["The architecture comes first: zoo run simple_cnn ./photos"]),
        (["timm/resnet17", "digits"], ["'timm/resnet17'", "timm/resnet18"]),
        (["simple_cnn", "digts"], ["'digts'", "Did you mean 'digits'", "zoo list dataset"]),
        (["simple_cnn", "digits", "--set", "loss=focl"], ["'focl'", "Did you mean 'focal'"]),
        (["simple_cnn", "digits", "--set", "metrics=[topk]"], ["'topk'", "Did you mean 'top_k'"]),
        (["simple_cnn", "digits", "--set", "augment=[flp]"], ["'flp'", "'flip'"]),
        (["simple_cnn", "digits", "--set", "train.optimizer=adm"], ["'adm'", "'adam'"]),
        (["simple_cnn", "digits", "--set", "train.schedule=cosin"], ["'cosin'", "'cosine'"]),
        (["simple_cnn", "digits", "--recipe", "artcle"], ["'artcle'", "Did you mean 'article'"]),
        (["simple_cnn", "digits", "--set", "train.epoch=3"], ["'train.epoch'", "'train.epochs'"]),
        (["simple_cnn", "digits", "--set", "patience=3"], ["'patience'", "'train.patience'"]),
        (["simple_cnn", "digits", "--set", "lr=0"], ["train.lr must be greater than 0", "--set"]),
        (["simple_cnn", "digits", "--set", "dropout"], ["'dropout'", "path=value"]),
        (["simple_cnn", "digits", "--set", "architecture.dropot=0.1"], ["'dropot'", "Did you mean 'dropout'"]),
        (["simple_cnn", "digits", "--set", "architecture.dropout=lots"], ["architecture.dropout", "float", "'lots'"]),
        (["simple_cnn", "digits", "--set", "architecture.dropout=3"], ["dropout", "[0, 1)", "3"]),
        (["simple_cnn", "digits", "--set", "architecture.num_classes=3"], ["num_classes"]),
        (["simple_cnn", "digits", "--set", "loss=focal", "--set", "loss.gama=2"], ["'gama'", "'gamma'"]),
        (["simple_cnn", "digits", "--set", "train.monitor=val/acc"], ["'val/acc'", "val/accuracy"]),
        (["simple_cnn", "digits", "--set", "data.mean=[0.1, 0.2]"], ["data: mean needs 1 value"]),
        (["simple_cnn", "digits", "--device", "gpu"], ["device", "'gpu'", "cuda"]),
        (["simple_cnn", "digits", "--device", "cuda:77"], ["'cuda:77'", "--device cpu"]),
        (["simple_cnn", "digits", "--device", "cpu", "--precision", "fp16"], ["fp16", "--precision fp32"]),
        (["simple_cnn", "digits", "--precision", "fp17"], ["'fp17'", "'bf16'"]),
        (["simple_cnn", "digits", "--epochs", "0"], ["train.epochs", "0", "command line"]),
        (["simple_cnn", "digits", "--epochs", "many"], ["'many'", "--epochs", "zoo run --help"]),
        (["simple_cnn", "digits", "--lr", "-1"], ["train.lr", "-1"]),
        (["simple_cnn", "digits", "--seed", "-1"], ["seed", "-1"]),
        (["simple_cnn", "digits", "--image-size", "4"], ["4", "too small"]),
        (["simple_cnn", "cats_dogs", "--set", "train.start_size=64", "--image-size", "32"], ["start_size 64", "32"]),
        (["simple_cnn", "digits", "--on-bad-image", "ignore"], ["'ignore'", "'skip'"]),
        (
            ["simple_cnn", "digits", "--set", "loss=soft_f1", "--set", "train.accumulate=4", "--batch-size", "32"],
            ["train.accumulate=4", "'losses/soft_f1' needs the whole batch", "--batch-size 8 --set train.accumulate=1"],
        ),
        (["simple_cnn", "digits", "--epohcs", "3"], ["'--epohcs'", "--epochs"]),
        (["simple_cnn", "digits", "--name", "../escape"], ["'../escape'", "--name my-run"]),
        (["simple_cnn", "digits", "--data", "."], ["digits", "--data"]),
        (["simple_cnn"], ["simple_cnn", "Try: zoo run simple_cnn digits"]),
        ([], ["Try: zoo run simple_cnn digits"]),
        (["simple_cnn", "digits", "cats_dogs"], ["simple_cnn digits cats_dogs"]),
        (["job.yaml"], ["'job.yaml'"]),
        (["--resume"], ["--resume needs a run"]),
        (["--resume", "gone"], ["'gone'", "zoo runs list"]),
        (["simple_cnn", "digits", "--resume", "gone"], ["'gone'", "zoo runs list"]),
    ],
)
def test_a_wrong_request(refused, words, said):
    error = refused("run", *words)
    for word in said:
        assert word in error


def test_all_problems_at_once(refused):
    words = ("--lr", "0", "--epochs", "0", "--device", "gpu", "--set", "train.epoch=3")
    error = refused("run", "simple_cn", "digts", *words)
    for word in ("6 problems", "'simple_cn'", "'digts'", "train.lr", "train.epochs", "device", "train.epoch'"):
        assert word in error
    assert error.count("\n") == 7


def test_an_unknown_command(refused):
    error = refused("rnu", "simple_cnn", "digits")
    assert "'rnu'" in error
    assert "Did you mean 'run'" in error


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("architecture: [", "YAML"),
        ("- simple_cnn", "not a job"),
        ("architecture: simple_cnn", "dataset is missing"),
        ("architecture: simple_cnn\ndataset: digits\ntrian: {epochs: 3}", "'trian.epochs'"),
        ("architecture: simple_cnn\ndataset: digits\ntrain: {epochs: three}", "'three'"),
    ],
)
def test_a_bad_job_file(zoo, text, said):
    Path("job.yaml").write_text(text)
    code, _, err = zoo("run", "job.yaml")
    assert code == 2
    assert said in err
    assert "job.yaml" in err or "zoo list" in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("recipes: [", ["registry.yaml", "YAML"]),
        ("recipies: {}", ["'recipies'", "Did you mean 'recipes'"]),
        ("components: {loss: {mine: {traget: x.py:Y}}}", ["'traget'", "'target'"]),
        ("version: 9", ["version 9"]),
    ],
)
def test_a_bad_registry_file(refused, text, said):
    Path("registry.yaml").write_text(text)
    for words in (("list",), (*RUN, "digits")):
        error = refused(*words)
        for word in said:
            assert word in error


@pytest.mark.slow
@pytest.mark.parametrize("network", [{"ZOO_OFFLINE": "1"}, {"ZOO_OFFLINE": "", "HTTPS_PROXY": "http://127.0.0.1:9"}])
def test_pretrained_weights_without_a_network(tmp_path, network):
    """Told at once: the hub's client would try again and again, and log each time."""
    env = {**os.environ, "HF_HOME": str(tmp_path / "hub"), "NO_PROXY": "", "no_proxy": "", **network}
    words = ("run", "timm/resnet10t", "digits", "--pretrained", "--image-size", "32")
    code = (
        "import sys, time; from zoo.__main__ import command; short = time.sleep\n"
        "def sleep(seconds): sys.exit('it waits') if seconds >= 1 else short(seconds)\n"
        f"time.sleep = sleep; sys.argv[1:] = {list(words)}; command()"
    )
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "pretrained weights of 'resnet10t'" in done.stderr
    assert "--weights FILE" in done.stderr
    assert "Retry" not in done.stderr
    assert not Path("runs").exists()


def test_debug_shows_the_traceback(zoo):
    with pytest.raises(Exception, match="simple_cn"):
        zoo("run", "simple_cn", "digits", "--debug")


# -- folders --------------------------------------------------------------------------------------------


def test_a_missing_folder(refused, make_folder):
    make_folder({"a": 1, "b": 1}, name=str(Path("my_photos").absolute()))
    for typed in ("./my_fotos", "../nowhere", "/no/such/folder"):
        error = refused(*RUN, typed)
        assert Path(typed).name in error
        assert "folder of class folders" in error
    assert "Did you mean 'my_photos'" in refused(*RUN, "./my_fotos")
    assert "nowhere" in refused(*RUN, "cats_dogs", "--data", "nowhere")


def test_an_empty_folder(refused):
    Path("empty").mkdir()
    error = refused(*RUN, "./empty")
    assert "empty is empty" in error
    assert "FOLDER/cats" in error, "what it should look like"


def test_pictures_in_no_class_folder(refused, make_folder):
    make_folder({"": 3}, name=str(Path("loose").absolute()))
    assert "3 images are in" in refused(*RUN, "./loose")


def test_a_class_folder_without_images(refused, make_folder):
    root = make_folder({"cats": 3, "dogs": 3})
    (root / "birds").mkdir()
    (root / "birds" / "list.txt").write_text("sparrow")
    error = refused(*RUN, root)
    assert str(root / "birds") in error
    assert "remove the folder" in error


def test_one_class_only(refused, make_folder):
    error = refused(*RUN, make_folder({"cats": 5}))
    assert "'cats'" in error
    assert "two or more" in error


def test_a_val_split_with_an_unknown_class(refused, make_folder):
    root = make_folder({"train/cats": 4, "train/dogs": 4, "val/cats": 2, "val/dog": 2})
    error = refused(*RUN, root, "--image-size", "32")
    assert "'dog'" in error
    assert "Did you mean 'dogs'" in error
    assert "val split" in error


def test_a_val_split_that_lacks_a_class_is_scored_right(zoo, colours, on_colours, read_result):
    for name in ("blue", "green", "red"):
        _copies(colours / name, Path("some/train") / name, 12)
    for name in ("green", "red"):  # blue comes first: without it every index is off by one
        _copies(colours / name, Path("some/val") / name, 6)
    assert zoo(*RUN, "./some", *on_colours, "--name", "r", "--quiet")[0] == 0
    result = read_result("runs/r")
    assert result["classes"] == ["blue", "green", "red"]
    assert result["splits"]["val"]["per_class"] == {"blue": 0, "green": 6, "red": 6}
    assert result["metrics"]["val"]["accuracy"] == 1.0
    assert result["metrics"]["val"]["confusion_matrix"] == [[0, 0, 0], [0, 6, 0], [0, 0, 6]]
    assert [text for text in result["notices"] if text.startswith("The split 'val' has no image of 'blue'")]


def _copies(source: Path, folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for i in range(count):
        (folder / f"{i:02}.png").write_bytes((source / f"{i:02}.png").read_bytes())


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_may_not_be_read(refused, make_folder):
    root = make_folder({"cats": 3, "dogs": 3})
    (root / "cats").chmod(0)
    try:
        assert "can't be read" in refused(*RUN, root)
    finally:
        (root / "cats").chmod(0o700)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["is empty", "path,label"]),
        ("path,label\n", ["no images"]),
        ("file,class\na.png,x\n", ["no column 'path'", "file, class"]),
        ("path;label\na.png;x\n", ["';'"]),
        ("path,label\na.png,\n", ["line 2", "blank"]),
        ("path,label,split\na.png,x,trian\n", ["'trian'", "train"]),
        ("path,label\na.png,x\n", ["only one class"]),
    ],
)
def test_a_bad_csv_file(zoo, text, said):
    Path("table.csv").write_text(text)
    code, _, err = zoo(*RUN, "table.csv")
    assert code == 2
    assert "table.csv" in err
    for word in said:
        assert word in err
    assert not Path("runs").exists() or not list(Path("runs").iterdir())


# -- pictures -------------------------------------------------------------------------------------------


def test_pictures_of_every_mode_are_used(zoo, on_colours, read_result):
    """Each is drawn so that its class can be told; a picture that is decoded wrong would be called wrong."""
    for name, colour in (("dark", 30), ("light", 220)):
        folder = Path("modes") / name
        folder.mkdir(parents=True)
        for i, save in enumerate((_grey, _rgba, _cmyk, _palette, _sixteen_bits, _turned, _bilevel, _grey_alpha) * 2):
            save(folder, colour, i)
    code, out, err = zoo(
        *RUN, "./modes", *on_colours, "--epochs", "20", "--set", "architecture.batch_norm=false", "--name", "m"
    )
    assert (code, err) == (0, "")
    result = read_result("runs/m")
    assert sum(split["images"] for split in result["splits"].values()) == 32
    assert [split["skipped"] for split in result["splits"].values()] == [[], []]
    (notice,) = result["notices"]
    assert notice.startswith("4 of 32 train images have 16 bits per channel")
    assert out.count("4 of 32 train images have 16 bits per channel") == 1
    predicted = json.loads(zoo("predict", "m", "modes", "--json")[1])["predictions"]
    assert len(predicted) == 32
    assert [p["path"] for p in predicted if p["label"] != Path(p["path"]).parent.name] == []


def _grey(folder: Path, value: int, i: int) -> None:
    Image.new("L", (20, 30), value).save(folder / f"{i}-grey.png")


def _rgba(folder: Path, value: int, i: int) -> None:
    Image.new("RGBA", (30, 20), (value, value, value, 255)).save(folder / f"{i}-rgba.png")


def _cmyk(folder: Path, value: int, i: int) -> None:
    Image.new("RGB", (24, 24), (value,) * 3).convert("CMYK").save(folder / f"{i}-cmyk.jpg")


def _palette(folder: Path, value: int, i: int) -> None:
    Image.new("RGB", (24, 24), (value,) * 3).convert("P").save(folder / f"{i}-palette.gif")


def _sixteen_bits(folder: Path, value: int, i: int) -> None:
    Image.fromarray(np.full((24, 24), value * 257, np.uint16)).save(folder / f"{i}-sixteen.png")


def _turned(folder: Path, value: int, i: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20), (value,) * 3).save(folder / f"{i}-turned.jpg", exif=exif)


def _bilevel(folder: Path, value: int, i: int) -> None:
    Image.new("1", (9, 9), int(value > 127)).save(folder / f"{i}-bilevel.png")


def _grey_alpha(folder: Path, value: int, i: int) -> None:
    Image.new("LA", (24, 24), (value, 255)).save(folder / f"{i}-grey-alpha.png")


@pytest.fixture
def spoilt(make_folder) -> Path:
    """40 pictures, three of which are none: cut short, of no bytes, and a text."""
    root = make_folder({"cats": 20, "dogs": 20}, size=48)
    photo = root / "cats" / "000.png"
    Image.open(photo).resize((300, 300)).save(root / "cats" / "whole.jpg", quality=95)
    data = (root / "cats" / "whole.jpg").read_bytes()
    (root / "cats" / "whole.jpg").unlink()
    photo.unlink()
    (root / "cats" / "cut.jpg").write_bytes(data[: len(data) // 3])
    (root / "dogs" / "000.png").unlink()
    (root / "dogs" / "001.png").unlink()
    (root / "dogs" / "nothing.jpg").touch()
    (root / "dogs" / "letter.jpg").write_text("Dear zoo, this is no picture.")
    return root


def test_more_than_one_in_a_hundred_bad_pictures_fail_the_run(refused, spoilt):
    error = refused(*RUN, spoilt, "--image-size", "32")
    for word in ("3 of 40", "cut.jpg", "nothing.jpg", "letter.jpg", "1.0%", "max_bad_fraction"):
        assert word in error


def test_bad_pictures_are_counted_named_and_left_out(zoo, spoilt, on_colours, read_result):
    allow = ("--set", "data.max_bad_fraction=0.1")
    code, out, _ = zoo(*RUN, spoilt, *on_colours, "--epochs", "1", *allow, "--name", "r")
    assert code == 0
    result = read_result("runs/r")
    skipped = result["splits"]["train"]["skipped"]
    assert sorted(Path(item["name"]).name for item in skipped) == ["cut.jpg", "letter.jpg", "nothing.jpg"]
    assert all(item["reason"] for item in skipped)
    assert sum(split["images"] for split in result["splits"].values()) == 37
    (notice,) = result["notices"]
    assert notice.startswith("3 train images could not be decoded")
    assert notice in " ".join(out.split())
    assert "letter.jpg" in (Path("runs/r") / "report.html").read_text()


def test_a_second_run_from_the_store_tells_of_them_too(zoo, spoilt, on_colours, read_result):
    allow = ("--set", "data.max_bad_fraction=0.1")
    for name in ("first", "second"):
        assert zoo(*RUN, spoilt, *on_colours, "--epochs", "1", *allow, "--name", name, "--quiet")[0] == 0
    first, second = read_result("runs/first"), read_result("runs/second")
    assert first["splits"] == second["splits"]
    assert first["notices"] == second["notices"]


def test_a_files_name_that_is_not_utf8_is_no_reason_to_fail(zoo, colours, on_colours, read_result):
    """As old archives bring them. Some pictures lie in the wrong folder, so that the result names them as mistakes."""
    folders = [os.fsencode(f"latin/{name}") for name in ("blue", "red")]
    for folder in folders:
        os.makedirs(folder)  # noqa: PTH103 - bytes
        for name in ("blue", "red"):
            for i in range(6):
                target = os.path.join(folder, f"{name}-\xe9t\xe9-{i}.png".encode("latin-1"))  # noqa: PTH118
                shutil.copy(os.fsencode(colours / name / f"{i:02}.png"), target)
    assert zoo(*RUN, "./latin", *on_colours, "--name", "r", "--quiet")[0] == 0
    result = read_result("runs/r")
    named = [mistake["name"] for mistake in result["mistakes"]["val"]]
    assert named
    assert all(Path(name).is_file() for name in named), "read back as they were"
    document = json.loads(zoo("predict", "r", "latin", "--json")[1])
    assert len(document["predictions"]) == 24


def test_one_bad_picture_in_a_hundred_is_let_pass_and_refused_with_fail(zoo, refused, make_folder, on_colours):
    root = make_folder({"cats": 60, "dogs": 60}, size=8)
    (root / "dogs" / "000.png").write_text("no picture")
    words = (*RUN, root, *on_colours, "--epochs", "1", "--quiet")
    error = refused(*words, "--name", "strict", "--on-bad-image", "fail", code=2)
    assert "dogs/000.png" in error
    assert "--on-bad-image is fail" in error
    assert zoo(*words, "--name", "lenient")[0] == 0


def test_a_class_of_bad_pictures_only(refused, make_folder):
    root = make_folder({"cats": 4, "dogs": 4})
    for path in (root / "dogs").iterdir():
        path.write_text("no picture")
    error = refused(*RUN, root, "--image-size", "32", "--set", "data.max_bad_fraction=0.9")
    assert "'dogs'" in error
    assert "No training image" in error


# -- folders that can't be written ----------------------------------------------------------------------


def test_a_file_in_place_of_the_folder_for_runs(refused, tiny):
    Path("taken").write_text("a file")
    error = refused(*RUN, "digits", *tiny, "--out", "taken", code=1)
    assert "taken is a file" in error
    assert "--out" in error


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no /proc")
def test_a_folder_for_runs_that_can_not_be_written(refused, tiny):
    error = refused(*RUN, "digits", *tiny, "--out", "/proc/runs", code=1)
    assert "/proc/runs" in error
    assert "--out" in error


def test_a_cache_that_can_not_be_written(refused, monkeypatch, colours, on_colours):
    Path("taken").write_text("a file")
    monkeypatch.setenv("ZOO_CACHE", str(Path("taken").absolute()))
    error = refused(*RUN, colours, *on_colours, code=1)
    assert "taken" in error
    assert "ZOO_CACHE" in error
    assert "--out" not in error


@contextmanager
def _no_file_larger_than(size: int) -> Iterator[None]:
    """As on a full disk, a write beyond this many bytes fails (with EFBIG, for ENOSPC)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


@pytest.mark.slow
def test_weights_that_can_not_be_written(zoo, read_result):
    words = ("--epochs", "2", "--set", "architecture.channels=[8]", "--set", "architecture.hidden=40000")
    with _no_file_larger_than(300_000):
        code, out, err = zoo(*RUN, "digits", *words, "--name", "full")
    assert code == 1
    assert "runs/full/checkpoints/000001.pt can't be written" in err
    assert "Traceback" not in err + out
    result = read_result("runs/full")
    assert result["status"] == "failed"
    assert result["best"] is None
    assert result["model"]["bundle"] is None
    assert not list(Path("runs/full/model").glob("*.safetensors*")), "no half of a file"
    assert not list(Path("runs/full/model").glob(".*"))


def test_a_store_that_has_no_room(refused, colours, on_colours, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(Path("../fresh-cache").resolve()))
    with _no_file_larger_than(100_000):
        error = refused(*RUN, colours, *on_colours, "--image-size", "64", code=1)
    assert "fresh-cache" in error
    assert "ZOO_CACHE" in error
    assert list(Path("../fresh-cache/stores").iterdir()) == []


@pytest.fixture
def tiny_disk(tmp_path) -> Iterator[Path]:
    """A disk of 300 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("may not mount a disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)  # this process says that it uses a cache there


@pytest.mark.slow
def test_a_full_disk_for_runs(zoo, tiny_disk):
    words = ("--epochs", "2", "--set", "architecture.channels=[8]", "--set", "architecture.hidden=40000")
    code, _, err = zoo(*RUN, "digits", *words, "--name", "full", "--out", tiny_disk)
    assert code == 1
    assert "No space left" in err
    assert str(tiny_disk) in err
    assert "Traceback" not in err


def test_a_full_disk_for_the_store_does_not_kill_the_process(zoo, tiny_disk, colours, on_colours, monkeypatch):
    """A memory map of a file with holes, on a full disk, is killed by SIGBUS."""
    monkeypatch.setenv("ZOO_CACHE", str(tiny_disk))
    words = ("--image-size", "128", "--set", "data.store=disk", "--name", "r")
    code, _, err = zoo(*RUN, colours, *on_colours, *words)
    assert code == 1
    assert "No space left" in err
    assert "ZOO_CACHE" in err
    streamed = ("--image-size", "128", "--epochs", "1", "--name", "r", "--quiet")
    assert zoo(*RUN, colours, *on_colours, *streamed)[0] == 0, "by itself it takes no disk that it has not"


# -- a run that is stopped ------------------------------------------------------------------------------

SLOW = """
import os, time
from torch.nn.functional import cross_entropy

class Slow:
    '''Cross entropy; with SLOW set, it takes that many seconds longer.'''
    def __call__(self, logits, targets):
        time.sleep(float(os.environ.get("SLOW", "0")))
        return cross_entropy(logits, targets)
"""
BROKEN = """
import os, signal
import torch
from torch import nn
from torch.nn.functional import cross_entropy

class Nan:
    '''A loss that is no longer a number at its fifth call.'''
    def __init__(self):
        self.calls = 0
    def __call__(self, logits, targets):
        self.calls += 1
        return cross_entropy(logits, targets) * (float("nan") if self.calls == 5 else 1.0)

class Terminated:
    '''A loss during which, in the third epoch, a scheduler ends the process.'''
    def __init__(self):
        self.calls = 0
    def __call__(self, logits, targets):
        self.calls += 1
        if self.calls == 60 and "TERMINATE" in os.environ:
            os.kill(os.getpid(), signal.SIGTERM)
        return cross_entropy(logits, targets)

class Hangs:
    '''A loss that, at its fifth call, closes the pipe into which the run writes.'''
    def __init__(self):
        self.calls = 0
    def __call__(self, logits, targets):
        self.calls += 1
        if self.calls == 5:
            os.close(int(os.environ["READER"]))
        return cross_entropy(logits, targets)

class Refuses:
    '''A loss with a defect.'''
    def __call__(self, logits, targets):
        if len(logits) > 2:
            raise KeyError("no such thing")
        return cross_entropy(logits, targets)

class Stops(nn.Module):
    '''A network during whose making the user types Ctrl-C.'''
    def __init__(self, num_classes, in_chans=3):
        super().__init__()
        os.kill(os.getpid(), signal.SIGINT)
        torch.zeros(1)  # the signal is heard between two instructions
"""
REGISTRY = """
components:
  loss:
    slow: {target: ./my_parts.py:Slow}
    nan_loss: {target: ./my_parts.py:Nan}
    terminated: {target: ./my_parts.py:Terminated}
    hangs: {target: ./my_parts.py:Hangs}
    refuses: {target: ./my_parts.py:Refuses}
  architecture:
    stops: {target: ./my_parts.py:Stops}
"""


@pytest.fixture
def my_parts() -> None:
    """Local components in the working folder."""
    Path("my_parts.py").write_text(SLOW + BROKEN)
    Path("registry.yaml").write_text(REGISTRY)


STOPPABLE = (*RUN, "digits", "--set", "architecture.channels=[8,16]", "--set", "loss=slow", "--epochs", "4")


def _ctrl_c_in_training(*words: str) -> tuple[int, str, str]:
    """Run in a process of its own, and type Ctrl-C once the first epoch is on the disk."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SLOW": "0.08"},
        # A shell starts what it puts into the background with Ctrl-C switched off.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    log, deadline = Path("runs/stopped/metrics.jsonl"), time.monotonic() + 200
    while not (log.is_file() and log.read_text().endswith("\n")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def _check_stopped(code: int, out: str, err: str, result: dict) -> None:
    assert code == 130
    assert "Traceback" not in out + err
    assert err.count("\n") == 1, "a clear last line, and nothing else"
    assert "Interrupted after" in err
    assert "of 4 epochs" in err
    assert err.endswith("zoo run --resume runs/stopped\n")
    assert result["status"] == "interrupted"
    assert 1 <= len(result["epochs"]) < 4
    assert result["metrics"]["val"]["accuracy"] == result["best"]["value"]
    assert not [path for path in Path("runs").rglob("*") if path.name.startswith(".")]


@pytest.mark.slow
@pytest.mark.usefixtures("my_parts")
def test_ctrl_c_leaves_a_usable_run_that_goes_on_to_the_same_end(zoo, read_result, numbers):
    stopped = _ctrl_c_in_training(*STOPPABLE, "--name", "stopped")
    _check_stopped(*stopped, read_result("runs/stopped"))
    assert "interrupted" in zoo("runs", "show", "stopped")[1]
    Image.new("L", (8, 8), 99).save("digit.png")
    assert zoo("predict", "stopped", "digit.png")[0] == 0
    assert zoo("evaluate", "stopped")[0] == 0

    assert zoo("run", "--resume", "stopped", "--quiet")[0] == 0
    assert zoo(*STOPPABLE, "--name", "whole", "--quiet")[0] == 0
    resumed, whole = read_result("runs/stopped"), read_result("runs/whole")
    assert resumed["status"] == "completed"
    assert numbers(resumed) == numbers(whole)
    lines = (Path("runs/stopped") / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4]


@pytest.mark.usefixtures("my_parts")
def test_a_schedulers_word_stops_a_run_as_ctrl_c_does(zoo, read_result, monkeypatch):
    words = ("--set", "architecture.channels=[8]", "--set", "loss=terminated", "--epochs", "4", "--name", "stopped")
    monkeypatch.setenv("TERMINATE", "1")
    handler = signal.getsignal(signal.SIGTERM)
    stopped = zoo(*RUN, "digits", *words)
    assert signal.getsignal(signal.SIGTERM) == handler, "as it was before the run"
    _check_stopped(*stopped, read_result("runs/stopped"))
    monkeypatch.delenv("TERMINATE")
    assert zoo("run", "--resume", "stopped", "--quiet")[0] == 0
    assert len(read_result("runs/stopped")["epochs"]) == 4


@pytest.mark.usefixtures("my_parts")
def test_ctrl_c_before_training_leaves_nothing(zoo):
    code, _, err = zoo("run", "stops", "digits", "--name", "x")
    assert code == 130
    assert "Interrupted before training began" in err
    assert not Path("runs").exists()


@pytest.mark.usefixtures("my_parts")
def test_a_reader_that_goes_away_ends_the_run_as_ctrl_c_does(zoo, read_result, monkeypatch):
    """``zoo run … | head``."""
    reader, writer = os.pipe()
    monkeypatch.setenv("READER", str(reader))
    words = ("--set", "architecture.channels=[8]", "--set", "loss=hangs", "--epochs", "3", "--name", "p")
    with os.fdopen(writer, "w") as stdout, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        code, _, err = zoo(*RUN, "digits", *words)
    assert code == 130
    assert "zoo run --resume runs/p" in err
    assert read_result("runs/p")["status"] == "interrupted"
    assert zoo("evaluate", "p")[0] == 0


def test_a_learning_rate_that_explodes_stops_the_run(zoo, read_result):
    words = ("--lr", "1e30", "--set", "architecture.channels=[8,16]", "--epochs", "3", "--name", "n")
    code, out, err = zoo(*RUN, "digits", *words)
    assert code == 1
    assert "Stopped in epoch 1" in err
    assert "step" in err
    assert "--lr" in err
    assert "Traceback" not in err + out
    result = read_result("runs/n")
    assert result["status"] == "failed"
    assert "step" in result["stop_reason"]
    assert result["epochs"] == []


@pytest.mark.usefixtures("my_parts")
def test_a_loss_that_is_no_number_says_where(zoo, read_result):
    words = ("--set", "architecture.channels=[8]", "--set", "loss=nan_loss", "--epochs", "2", "--name", "n")
    code, out, err = zoo(*RUN, "digits", *words, "--json")
    assert code == 1
    assert out == "", "no result, no document"
    assert "became nan at step 4 of the epoch" in err  # its first call was the check before training
    assert read_result("runs/n")["status"] == "failed"
    assert "contains no trained model" in zoo("predict", "n", "digit.png")[2]


@pytest.mark.usefixtures("my_parts")
def test_a_component_with_a_defect_ends_the_run_with_its_own_words(zoo, read_result):
    words = ("--set", "architecture.channels=[8]", "--set", "loss=refuses", "--name", "d")
    code, _, err = zoo(*RUN, "digits", *words)
    assert code == 1
    assert "no such thing" in err
    assert "--debug" in err
    assert "Traceback" not in err
    result = read_result("runs/d")
    assert result["status"] == "failed"
    assert "KeyError" in result["stop_reason"]
