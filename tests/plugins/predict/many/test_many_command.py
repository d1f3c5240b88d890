"""``zoo predict --out``."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from PIL import Image

from zoo.storage import take

OUT = Path("out.csv")


@pytest.fixture
def album(colours: Path) -> Path:
    """45 images of three colours, in a folder that a test may change."""
    return Path(shutil.copytree(colours, "album"))


def rows(path: Path = OUT) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as lines:
        return list(csv.DictReader(lines))


def files(folder: Path) -> list[str]:
    return [str(path) for path in sorted(folder.rglob("*.png"))]


def cut_rows(count: int) -> None:
    """Leave the header and so many rows, and a torn one."""
    lines = OUT.read_bytes().splitlines(keepends=True)
    OUT.write_bytes(b"".join(lines[: count + 1]) + lines[count + 1][:7])


def test_a_row_for_each_image_as_csv_prints_it(zoo, colours_run, album):
    code, out, err = zoo("predict", colours_run, album, "--out", OUT)
    assert (code, err) == (0, "")
    assert out.startswith("out.csv: 45 images, ")
    printed = list(csv.DictReader(zoo("predict", colours_run, album, "--csv")[1].splitlines()))
    assert [row["path"] for row in rows()] == files(album)
    for found, wanted in zip(rows(), printed, strict=True):
        assert found["error"] == ""
        assert (found["path"], found["label"]) == (wanted["path"], wanted["label"])
        assert float(found["confidence"]) == pytest.approx(float(wanted["confidence"]), abs=1e-4)


def test_the_record_beside_it(zoo, colours_run, album):
    zoo("predict", colours_run, album, "--out", OUT, "--reject-below", "0.5")
    record = json.loads(Path("out.csv-metadata.json").read_text())
    assert record["classes"] == ["blue", "green", "red"]
    assert record["command"] == f"zoo predict {colours_run} album --reject-below 0.5 --out out.csv"
    assert record["options"] == {"top_k": 5, "tta": None, "reject_below": 0.5, "coverage": None, "embeddings": False}
    assert set(record["model"]["files"]) == {"zoo.json", "model.safetensors"}
    assert rows()[0]["sure"] in ("true", "false")


def test_the_digest_of_a_shared_model_is_that_of_its_manifest(zoo, colours_run, album):
    zoo("models", "push", colours_run, "./models", "--name", "colours", "--license", "MIT")
    from zoo.api.manifests import read_manifest

    code, _, err = zoo("predict", "models/colours", album, "--out", OUT)
    assert code == 0, err
    digest = json.loads(Path("out.csv-metadata.json").read_text())["model"]["digest"]
    assert digest == read_manifest(Path("models/colours")).digest


def test_unreadable_images_are_rows_with_the_reason(zoo, colours_run, album):
    Path("album/red/05.png").write_text("this is no picture")
    Path("album/red/06.png").unlink()
    Path("album/red/06.png").symlink_to("nowhere.png")
    Path("album/notes.txt").write_text("")
    code, out, err = zoo("predict", colours_run, album, "--out", OUT)
    assert code == 2
    assert "45 images, 2 without a prediction" in out
    assert "album/red/05.png: not a readable image" in err
    assert "skipped: 1 .txt file in album" in err
    bad = {row["path"]: row for row in rows() if row["error"]}
    assert {path: row["error"] for path, row in bad.items()} == {
        "album/red/05.png": "not a readable image",
        "album/red/06.png": "no such file",
    }
    assert all(row["label"] == "" for row in bad.values())


def test_many_unreadable_images_are_counted(zoo, colours_run):
    Path("bad").mkdir()
    for i in range(9):
        Path(f"bad/{i}.png").write_text("")
    code, _, err = zoo("predict", colours_run, "bad", "--out", OUT)
    assert code == 2
    assert err.count("not a readable image") == 5
    assert "4 more without a prediction" in err


def test_an_existing_output_is_refused_without_an_option(zoo, refused, colours_run, album):
    zoo("predict", colours_run, album / "red", "--out", OUT)
    before = OUT.read_bytes()
    error = refused("predict", colours_run, album, "--out", OUT)
    assert "exists already" in error
    assert "--resume" in error
    assert "--overwrite" in error
    assert OUT.read_bytes() == before
    assert zoo("predict", colours_run, album / "blue", "--out", OUT, "--overwrite")[0] == 0
    assert [row["path"] for row in rows()] == files(album / "blue")


@pytest.mark.parametrize("count", [0, 1, 16, 44, 45])
def test_resumed_it_is_the_whole_output(zoo, colours_run, album, count):
    Path("album/blue/03.png").write_text("")
    zoo("predict", colours_run, album, "--out", OUT)
    whole = OUT.read_bytes()
    if count < 45:
        cut_rows(count)
    code, out, _ = zoo("predict", colours_run, album, "--out", OUT, "--resume")
    assert code == 2, "an image of the earlier process has no prediction"
    assert "45 images, 1 without a prediction" in out
    assert OUT.read_bytes() == whole


def test_resume_without_an_output_begins(zoo, colours_run, album):
    assert zoo("predict", colours_run, album, "--out", OUT, "--resume")[0] == 0
    assert len(rows()) == 45


def test_resume_with_other_options_or_another_model_is_refused(zoo, refused, colours_run, album):
    zoo("predict", colours_run, album, "--out", OUT)
    how = ("predict", colours_run, album, "--out", OUT, "--resume")
    assert "with no --tta, not --tta flip" in refused(*how, "--tta", "flip")
    assert "with no --shard, not --shard 1/2" in refused(*how, "--shard", "1/2")
    assert "with --top-k 5, not --top-k 2" in refused(*how, "--top-k", "2")
    shutil.copytree(colours_run / "model", "model")
    card = json.loads(Path("model/zoo.json").read_text())
    Path("model/zoo.json").write_text(json.dumps({**card, "temperature": 2.0}))
    assert "with another model (digest " in refused("predict", "model", album, "--out", OUT, "--resume")
    assert len(rows()) == 45


def test_resume_with_other_images_is_refused(zoo, refused, colours_run, album):
    zoo("predict", colours_run, album, "--out", OUT)
    cut_rows(30)
    Path("album/green/00.png").rename("album/green/00a.png")
    error = refused("predict", colours_run, album, "--out", OUT, "--resume")
    assert "Image 16 was album/green/00.png and is album/green/00a.png now" in error
    error = refused("predict", colours_run, album / "blue", "--out", OUT, "--resume")
    assert "Image 16 was album/green/00.png and is missing" in error


def test_another_process_that_writes_it_is_noticed(refused, colours_run, album):
    lock = take(Path(".out.csv.lock"))
    try:
        assert "Another process writes out.csv" in refused("predict", colours_run, album, "--out", OUT)
    finally:
        lock.release()


def test_shards_are_disjoint_and_complete(zoo, colours_run, album):
    found = []
    for number in (1, 2, 3, 4):
        out = Path(f"{number}.csv")
        assert zoo("predict", colours_run, album, "--out", out, "--shard", f"{number}/4")[0] == 0
        found += [row["path"] for row in rows(out)]
    assert len(found) == 45
    assert sorted(found) == files(album)


@pytest.mark.parametrize("shard", ["0/4", "5/4", "1/0", "1", "a/b", "-1/2"])
def test_a_malformed_shard(refused, colours_run, album, shard):
    assert "such as 1/4 to 4/4" in refused("predict", colours_run, album, "--out", OUT, f"--shard={shard}")


def test_a_shard_without_images_is_an_empty_output(zoo, colours_run, album):
    code, _, err = zoo("predict", colours_run, album / "red/00.png", "--out", OUT, "--shard", "2/2")
    assert (code, err) == (0, "")
    assert rows() == []


def test_lists_tar_files_and_stdin(zoo, colours_run, album, monkeypatch):
    Path("list.csv").write_text("path\nalbum/red/00.png\nalbum/none.png\n")
    with tarfile.open("photos.tar", "w") as tar:
        tar.add("album/green/00.png", "g.png")
    reader, writer = os.pipe()
    os.write(writer, b"album/blue/00.png\0album/red/01.png\0")
    os.close(writer)
    before = sys.stdin
    with open(reader, encoding="utf-8") as sys.stdin:  # noqa: PTH123 - a descriptor
        code, _, _ = zoo("predict", colours_run, "list.csv", "photos.tar", "-", "--out", OUT, "-0")
    sys.stdin = before
    assert code == 2
    assert [(row["path"], row["label"], row["error"]) for row in rows()] == [
        ("album/red/00.png", "red", ""),
        ("album/none.png", "", "no such file"),
        ("g.png", "green", ""),
        ("album/blue/00.png", "blue", ""),
        ("album/red/01.png", "red", ""),
    ]


def test_lists_without_an_output(zoo, refused, colours_run, album):
    Path("list.csv").write_text("path\nalbum/red/00.png\nalbum/blue/00.png\n")
    document = json.loads(zoo("predict", colours_run, "list.csv", "--json")[1])
    assert [each["label"] for each in document["predictions"]] == ["red", "blue"]
    assert "--out predictions.csv" in refused("predict", colours_run, "photos.tar")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--out", OUT, "--json"), "--json can't be combined with --out"),
        (("--out", OUT, "--save", "d"), "--save can't be combined with --out"),
        (("--resume",), "--resume needs --out"),
        (("--shard", "1/2"), "--shard needs --out"),
        (("--out", OUT, "--embeddings"), "Type: --out out"),
        (("--out", "out.json"), "Type: --out out.csv"),
        (("--out", OUT, "--on", "moon"), "Unknown predict_engine 'moon'"),
    ],
)
def test_options_that_do_not_go_together(refused, colours_run, album, words, said):
    assert said in refused("predict", colours_run, album, *words)
    assert not OUT.exists()


def test_an_input_is_never_the_output(refused, colours_run, album):
    Path("list.csv").write_text("path\nalbum/red/00.png\n")
    assert "list.csv is an input" in refused("predict", colours_run, "list.csv", "--out", "./list.csv", "--overwrite")
    assert Path("list.csv").read_text() == "path\nalbum/red/00.png\n"


def test_a_folder_without_images_is_refused_and_nothing_written(refused, colours_run):
    Path("empty").mkdir()
    assert "no images in empty" in refused("predict", colours_run, "empty", "--out", OUT)
    assert not OUT.exists()


def test_parquet_without_its_library_names_the_extra(refused, colours_run, album, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install 'visionzoo[parquet]'" in refused("predict", colours_run, album, "--out", "out")


def test_parquet_with_embeddings(zoo, colours_run, album):
    pq = pytest.importorskip("pyarrow.parquet", reason="parquet is an extra: pip install 'visionzoo[parquet]'")
    code, _, err = zoo("predict", colours_run, album, "--out", "out", "--embeddings", "--top-k", "2")
    assert code == 0, err
    table = pq.read_table("out")
    assert table["path"].to_pylist() == files(album)
    assert all(len(row["top"]) == 2 for row in table.to_pylist())
    assert json.loads(table.schema.metadata[b"zoo"])["classes"] == ["blue", "green", "red"]
    import numpy as np

    from zoo.api import load

    model = load(colours_run)
    wanted = model.embed([model.pixels(path) for path in files(album)])[1]
    assert np.allclose(np.array(table["embedding"].to_pylist()), wanted, rtol=1e-3, atol=1e-3)


def test_an_exported_file_has_no_embeddings(zoo, refused, colours_run, album):
    pytest.importorskip("pyarrow", reason="parquet is an extra: pip install 'visionzoo[parquet]'")
    zoo("export", colours_run, "--format", "torchscript", "--out", "model.torchscript")
    assert "gives no embeddings" in refused("predict", "model.torchscript", album, "--out", "out", "--embeddings")
    assert zoo("predict", "model.torchscript", album, "--out", OUT)[0] == 0


def test_deep_images_are_noticed(zoo, colours_run):
    Path("album").mkdir()
    Image.new("I;16", (8, 8), 4000).save("album/deep.png")
    _, _, err = zoo("predict", colours_run, "album", "--out", OUT)
    assert "1 of 1 pictures has 16 bits" in err


CHILD = """
import sys
from zoo_predict.many import parts
parts.ROWS, parts.GROUP = 150, 20
from zoo.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def begin(*words: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", CHILD, "predict", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.slow
@pytest.mark.parametrize("out", ["out.csv", "out"])
def test_killed_at_random_moments_no_row_is_lost_or_doubled(zoo, colours_run, colours, out):
    """Processes are killed as soon as they have written something new, and a moment later."""
    if out == "out":
        pytest.importorskip("pyarrow", reason="parquet is an extra: pip install 'visionzoo[parquet]'")
    Path("many").mkdir()
    sources = files(colours)
    for i in range(2000):
        os.link(sources[i % len(sources)], f"many/{i:04d}.png")
    Path("many/0777.png").unlink()
    Path("many/0777.png").write_text("")
    draw = random.Random(0)
    kills, before = 0, 0
    for _ in range(4):
        process = begin(colours_run, "many", "--out", out, "--resume")
        while process.poll() is None and size(Path(out)) == before:
            time.sleep(0.005)
        time.sleep(draw.random() * 0.05)
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        before = size(Path(out))
    assert kills >= 2, "the processes ended too early to be killed"
    assert begin(colours_run, "many", "--out", out, "--resume").wait() == 2
    assert paths_of(Path(out)) == [f"many/{i:04d}.png" for i in range(2000)]


def size(out: Path) -> int:
    """Bytes of a CSV file; number of finished files of a folder."""
    if out.is_dir():
        return sum(not path.name.startswith(".") for path in out.iterdir())
    return out.stat().st_size if out.exists() else 0


def paths_of(out: Path) -> list[str]:
    if out.is_dir():
        import pyarrow.parquet as pq

        return pq.read_table(out)["path"].to_pylist()
    return [row["path"] for row in rows(out)]


@pytest.mark.slow
def test_an_interrupted_process_keeps_its_rows(colours_run, colours):
    Path("many").mkdir()
    sources = files(colours)
    for i in range(3000):
        os.link(sources[i % len(sources)], f"many/{i:04d}.png")
    command = [sys.executable, "-m", "zoo", "predict", str(colours_run), "many", "--out", "out.csv"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while size(OUT) < 100:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "type the same command with --resume" in err
    done = len(rows())
    assert f"{done:,} images" in err
    assert 0 < done < 3000
