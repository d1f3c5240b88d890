"""``zoo predict``."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

HEIC = Path(__file__).parents[2] / "data" / "formats" / "red.heic"


@pytest.fixture
def red(colours):
    return colours / "red" / "00.png"


def test_json_is_the_documented_schema(zoo, colours_run, red):
    code, out, err = zoo("predict", colours_run, red, "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document.keys() == {"predictions"}
    (prediction,) = document["predictions"]
    assert prediction.keys() == {"path", "label", "confidence", "top"}
    assert (prediction["path"], prediction["label"]) == (str(red), "red")
    assert [entry.keys() for entry in prediction["top"]] == [{"class", "probability"}] * 3
    assert prediction["top"][0] == {"class": "red", "probability": prediction["confidence"]}
    probabilities = [entry["probability"] for entry in prediction["top"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)


def test_csv_is_a_line_a_picture(zoo, colours_run, colours):
    code, out, err = zoo("predict", colours_run, colours, "--csv")
    assert (code, err) == (0, "")
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[0] == ["path", "label", "confidence"]
    assert len(rows) == 1 + 45
    assert all(Path(path).parent.name == label for path, label, _ in rows[1:])
    assert all(0.33 < float(confidence) <= 1 for *_, confidence in rows[1:])


def test_the_table_names_each_picture(zoo, colours_run, red):
    code, out, err = zoo("predict", colours_run, red)
    assert (code, err) == (0, "")
    assert "00.png" in out
    assert "red" in out
    assert max(map(len, out.splitlines())) <= 80


def test_top_k_counts_the_classes_named(zoo, colours_run, red):
    for asked, found in ((1, 1), (2, 2), (50, 3)):
        document = json.loads(zoo("predict", colours_run, red, "--json", "--top-k", asked)[1])
        assert len(document["predictions"][0]["top"]) == found


def test_files_and_folders_in_the_order_given(zoo, colours_run, colours, red):
    document = json.loads(zoo("predict", colours_run, red, colours / "blue", "--json")[1])
    labels = [p["label"] for p in document["predictions"]]
    assert labels == ["red"] + ["blue"] * 15


def test_a_folder_leaves_other_files_alone(zoo, colours_run, colours):
    shutil.copytree(colours / "green", "album/summer")
    Path("album/notes.txt").write_text("not a picture")
    document = json.loads(zoo("predict", colours_run, "album", "--json")[1])
    assert len(document["predictions"]) == 15


def test_run_by_its_name_and_bundle_by_its_folder(zoo, colours_run, red):
    shutil.copytree(colours_run, "runs/mine")
    by_name = zoo("predict", "mine", red, "--json")[1]
    assert zoo("predict", "runs/mine/model", red, "--json")[1] == by_name
    shutil.copytree("runs/mine/model", "elsewhere")
    assert zoo("predict", "elsewhere", red, "--json")[1] == by_name


def test_a_folder_of_pictures_may_be_called_as_the_run(zoo, colours_run, colours):
    shutil.copytree(colours_run, "runs/red")
    shutil.copytree(colours / "red", "red")
    assert len(json.loads(zoo("predict", "red", "red", "--json")[1])["predictions"]) == 15


@pytest.mark.parametrize("form", ["--json", "--csv", None])
def test_a_bad_picture_among_good_ones_is_named_and_the_others_predicted(zoo, colours_run, colours, form):
    shutil.copytree(colours / "red", "mixed")
    Path("mixed/05.png").write_text("this is no picture")
    code, out, err = zoo("predict", colours_run, "mixed", *([form] if form else []))
    assert code == 2
    assert err.count("\n") == 1
    assert "mixed/05.png" in err
    assert "Traceback" not in err
    if form == "--json":
        document = json.loads(out)
        assert len(document["predictions"]) == 14
        assert len(document["skipped"]) == 1
        assert "mixed/05.png" in document["skipped"][0]
    else:
        assert "14.png" in out
        assert "05.png" not in out


def test_a_missing_file_is_named(zoo, colours_run, red):
    code, out, err = zoo("predict", colours_run, red, "holiday.jpg", "--json")
    assert code == 2
    assert "holiday.jpg" in err
    assert "no such file" in err
    assert [p["label"] for p in json.loads(out)["predictions"]] == ["red"]


def test_a_folder_without_pictures(refused, colours_run):
    Path("empty").mkdir()
    assert "no images in empty" in refused("predict", colours_run, "empty")


def test_json_and_csv_at_once(refused, colours_run, red):
    assert "one of --json and --csv" in refused("predict", colours_run, red, "--json", "--csv")


def test_an_unknown_run(refused, red):
    error = refused("predict", "nothing", red)
    assert "'nothing'" in error
    assert "zoo runs list" in error


def test_the_picture_before_the_run(refused, colours_run, red):
    error = refused("predict", red, colours_run)
    assert "is a file, not a run" in error
    assert "zoo predict RUN IMAGE" in error


def test_a_folder_that_holds_no_model(refused, red):
    Path("album").mkdir()
    assert "no trained model" in refused("predict", "album", red)


@pytest.mark.parametrize(("file", "text"), [("zoo.json", "{"), ("zoo.json", "{}"), ("model.safetensors", "scrambled")])
def test_a_damaged_bundle(refused, colours_run, red, file, text):
    shutil.copytree(colours_run / "model", "model")
    (Path("model") / file).write_text(text)
    assert f"model/{file}" in refused("predict", "model", red).replace("weights in model", f"model/{file}")


def test_a_picture_is_predicted_as_it_is_looked_at(zoo, colours_run):
    """EXIF says how a photo is held; the file's own pixels lie on their side."""
    half = Image.new("RGB", (32, 32), (230, 40, 30))
    exif = Image.Exif()
    exif[0x0112] = 6
    half.save("turned.jpg", exif=exif)
    half.convert("CMYK").save("print.jpg")
    half.convert("RGBA").save("cutout.png")
    document = json.loads(zoo("predict", colours_run, "turned.jpg", "print.jpg", "cutout.png", "--json")[1])
    assert [p["label"] for p in document["predictions"]] == ["red"] * 3


def test_a_grey_network_takes_colour_pictures_and_the_other_way_round(zoo, digits_run, colours_run, red):
    assert zoo("predict", digits_run, red)[0] == 0
    Image.new("L", (8, 8), 128).save("grey.png")
    assert zoo("predict", colours_run, "grey.png")[0] == 0


def test_files_of_a_folder_that_are_not_looked_at_are_counted(zoo, colours_run, colours, without_heif):
    shutil.copytree(colours / "red", "mixed")
    for name in ("phone.HEIC", "other.heic", "notes.txt", ".hidden.heic"):
        Path("mixed", name).write_bytes(b"x")
    for form in ((), ("--json",), ("--csv",)):
        code, out, err = zoo("predict", colours_run, "mixed", *form)
        assert code == 0
        assert "skipped: 2 .heic files, 1 .txt file in mixed" in " ".join(err.split())
        assert "to read .heic: pip install 'visionzoo[heif]'" in err
        assert out.count("red") >= 15


def test_a_folder_of_pictures_that_none_can_read_says_which(refused, colours_run, without_heif):
    Path("phone").mkdir()
    Path("phone/1.heic").write_bytes(b"x")
    assert "Skipped: 1 .heic file in phone" in refused("predict", colours_run, "phone")
    Path("phone/1.heic").rename("phone/1.psb")
    assert "convert images to .jpg" in refused("predict", colours_run, "phone")


def test_a_heic_photo_without_its_package_names_the_command(zoo, colours_run, without_heif):
    shutil.copy(HEIC, "photo.heic")
    shutil.copy(HEIC, "photo.jpg")  # as phones and messengers name them
    for name in ("photo.heic", "photo.jpg"):
        code, _, err = zoo("predict", colours_run, name)
        assert code == 2
        assert f"{name}: HEIC, which pi-heif reads. Type: pip install 'visionzoo[heif]'" in err


def test_a_heic_photo_is_a_picture_like_any(zoo, colours_run):
    pytest.importorskip("pi_heif", reason="HEIC is an extra: pip install 'visionzoo[heif]'")
    Path("phone").mkdir()
    for name in ("IMG_1.HEIC", "IMG_2.jpg"):
        shutil.copy(HEIC, Path("phone", name))
    code, out, err = zoo("predict", colours_run, "phone", "--json")
    assert (code, err) == (0, "")
    assert [p["label"] for p in json.loads(out)["predictions"]] == ["red", "red"]
