"""Annotated pictures, sorted copies and the page: originals stay, nothing is replaced unasked, all works offline."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.api.models import Preprocessing
from zoo_predict import annotate, page
from zoo_predict.annotate import annotated, load_upright
from zoo_predict.answers import PicturePrediction
from zoo_predict.pictures import Picture
from zoo_predict.places import folder_names, free_name
from zoo_predict.save import sort_pictures


@pytest.fixture
def album(colours: Path) -> Path:
    """Two pictures of one name in two folders, and a third."""
    for place, source in {"a/1.png": "red/00.png", "b/1.png": "red/01.png", "b/2.png": "blue/00.png"}.items():
        Path("album", place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(colours / source, Path("album", place))
    return Path("album")


def seen(in_chans: int) -> Preprocessing:
    return Preprocessing(8, in_chans, "squash", [0.5], [0.5])


@pytest.fixture
def unsure() -> Path:
    """A picture that is halfway between classes."""
    Path("odd").mkdir()
    Image.new("RGB", (20, 20), (110, 110, 110)).save("odd/grey.png")
    return Path("odd")


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def tree(folder: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


# -- --save


def test_each_picture_is_saved_with_a_strip_under_it(zoo, colours_run, album):
    before = digests(album)
    code, out, err = zoo("predict", colours_run, album, "--save", "out/answers")
    assert (code, err) == (0, "")
    assert "saved: 3 images with predictions in out/answers, and out/answers/index.html" in " ".join(out.split())
    assert tree("out/answers") == ["1-2.jpg", "1.jpg", "2.jpg", "index.html"]
    assert digests(album) == before
    with Image.open("out/answers/1.jpg") as saved:
        assert saved.width == 240, "20 pixels, enlarged by a whole factor"
        assert saved.height > 240
        pixels = np.asarray(saved.convert("RGB")).astype(int)
    assert pixels[:240].mean((0, 1)) == pytest.approx((230, 40, 30), abs=15), "the picture"
    strip = pixels[240:]
    assert (strip > 240).all(2).mean() > 0.7, "paper"
    assert (strip < 90).all(2).sum() > 50, "words"


def test_saved_pictures_are_not_replaced_unasked(zoo, refused, colours_run, album):
    Path("out").mkdir()
    Path("out/2.jpg").write_text("mine")
    error = refused("predict", colours_run, album, "--save", "out")
    assert "out/2.jpg exists already. Nothing was written" in error
    assert "--overwrite" in error
    assert zoo("predict", colours_run, album, "--save", "out", "--overwrite")[0] == 0
    assert Image.open("out/2.jpg").format == "JPEG"


def test_originals_are_not_replaced_even_if_asked(refused, colours_run, colours):
    Path("photos").mkdir()
    Image.open(colours / "red" / "00.png").save("photos/1.jpg")
    before = digests(Path("photos"))
    error = refused("predict", colours_run, "photos", "--save", "photos", "--overwrite")
    assert "photos contains the originals, which are never changed" in error
    assert digests(Path("photos")) == before


def test_a_folder_that_is_a_file(refused, colours_run, album):
    Path("out").write_text("mine")
    for option in ("--save", "--sort"):
        assert f"out is a file. Name a folder: {option} DIR" in refused("predict", colours_run, album, option, "out")


@pytest.mark.parametrize("size", [(8, 8), (20, 2000), (3000, 40), (640, 480)])
def test_every_shape_of_picture_has_room_for_its_words(size: tuple[int, int], tmp_path: Path):
    Image.new("RGB", size, (9, 99, 200)).save(tmp_path / "a.png")
    found = annotated(
        load_upright(tmp_path / "a.png", seen(3), annotate.LARGEST),
        {"label": "a rather long name " * 9, "confidence": 0.5},
    )
    assert 240 <= found.width <= 1600
    assert found.height <= 1600 + 100


def test_pictures_of_other_channels_and_turned_ones_are_shown_upright(tmp_path: Path):
    np.save(tmp_path / "many.npy", np.full((6, 30, 20), 77, np.uint8))
    assert load_upright(tmp_path / "many.npy", seen(6), 1600).getpixel((0, 0)) == (77, 77, 77)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 30), "red").save(tmp_path / "turned.jpg", exif=exif)
    assert load_upright(tmp_path / "turned.jpg", seen(3), 1600).size == (30, 60)
    Image.new("L", (60, 30), 9).save(tmp_path / "grey.png")
    assert load_upright(tmp_path / "grey.png", seen(1), 1600).mode == "RGB"


def test_labels_in_every_script_have_a_font_or_a_notice(zoo, colours_run, colours, monkeypatch, tmp_path: Path):
    """A font is a file of the system; where none has a character, a line says so."""
    assert annotate.missing_characters(["cat", "café", "кот", "γάτα"]) == ""
    annotate.system_font.cache_clear()
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", list)
    assert annotate.missing_characters(["猫", "cat", "☃"]) == "猫", "the snowman is in DejaVu"
    (tmp_path / "damaged.ttf").write_bytes(b"x")
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [str(tmp_path / "damaged.ttf")])
    annotate.system_font.cache_clear()
    assert annotate.missing_characters(["猫"]) == "猫"
    shutil.copytree(colours / "red", "photos")
    shutil.copytree(colours_run, "run")
    card = json.loads(Path("run/model/zoo.json").read_text("utf-8"))
    card["classes"] = ["青", "緑", "赤"]
    Path("run/model/zoo.json").write_text(json.dumps(card), "utf-8")
    code, out, _ = zoo("predict", "run", "photos", "--save", "out")
    assert code == 0
    assert "no installed font contains 赤" in " ".join(out.split())
    annotate.system_font.cache_clear()


# -- --sort


def test_originals_are_copied_into_a_folder_for_each_class(zoo, colours_run, album):
    before = digests(album)
    code, out, err = zoo("predict", colours_run, album, "--sort", "sorted")
    assert (code, err) == (0, "")
    assert "sorted into sorted: 1 in blue/, 2 in red/" in out
    assert tree("sorted") == ["blue/2.png", "red/1-2.png", "red/1.png"]
    assert digests(album) == before
    assert Path("sorted/red/1.png").read_bytes() == Path("album/a/1.png").read_bytes()
    assert Path("sorted/red/1-2.png").read_bytes() == Path("album/b/1.png").read_bytes()


def test_pictures_below_the_threshold_are_unsure(zoo, colours_run, album, unsure):
    words = ("predict", colours_run, album, unsure, "--sort", "sorted", "--reject-below", "0.5")
    code, out, _ = zoo(*words)
    assert code == 0
    assert "1 in unsure/" in out
    assert "unsure/grey.png" in tree("sorted")
    document = json.loads(zoo(*words, "--json")[1])
    assert document["sorted"] == {"folder": "sorted", "folders": {"red": 2, "blue": 1, "unsure": 1}, "unchanged": 4}


def test_sorting_again_changes_nothing_and_replaces_nothing_else(zoo, refused, colours_run, album):
    words = ("predict", colours_run, album, "--sort", "sorted")
    zoo(*words)
    before = digests(Path("sorted"))
    code, out, _ = zoo(*words)
    assert (code, digests(Path("sorted"))) == (0, before)
    assert "(3 exist already)" in out
    Path("sorted/red/1.png").write_text("another")
    assert "sorted/red/1.png exists already. Nothing was written" in zoo(*words)[2]
    assert Path("sorted/red/1.png").read_text() == "another"
    assert zoo(*words, "--overwrite")[0] == 0
    assert digests(Path("sorted")) == before


def test_a_folder_may_be_sorted_into_itself(zoo, colours_run, colours):
    shutil.copytree(colours / "red", "photos/red")
    shutil.copytree(colours / "blue", "photos/mixed")
    code, out, _ = zoo("predict", colours_run, "photos/red", "photos/mixed", "--sort", "photos")
    assert code == 0
    assert "(15 exist already)" in out
    assert len(tree("photos")) == 45


def test_names_of_folders_are_safe_and_differ():
    names = folder_names(["cat", "Cat", "a/b", "a_b", "..", "unsure", ". hidden", "wo\x00w", "猫"], {"unsure", "none"})
    assert list(names.values()) == ["cat", "Cat-2", "a_b", "a_b-2", "_", "unsure-2", "hidden", "wo_w", "猫"]


def test_names_of_files_get_numbers():
    taken: set[str] = set()
    assert [free_name(name, taken) for name in ("1.png", "1.PNG", "1.png", "1.tar.gz", "1-2.png")] == [
        *("1.png", "1-2.PNG", "1-3.png", "1.tar.gz", "1-2-2.png")
    ]


# -- the page


def test_the_page_has_every_picture_and_asks_nobody(zoo, colours_run, album, unsure):
    code, out, err = zoo("predict", colours_run, album, unsure, "--html", "page.html")
    assert (code, err) == (0, "")
    assert "page: page.html" in out
    text = Path("page.html").read_text("utf-8")
    assert len(re.findall(r"<figure>", text)) == 4
    assert len(re.findall(r'src="data:image/jpeg;base64,', text)) == 4
    assert not re.findall(r"(?:src|href)=\"(?!data:)", text)
    assert "<script" not in text
    assert "default-src 'none'" in text
    assert "album/a/1.png" in text
    assert re.search(r"<b>red</b><span>\d+\.\d%</span>", text)


def test_the_page_begins_with_what_is_least_confident_and_dims_it(zoo, colours_run, album, unsure):
    zoo("predict", colours_run, album, unsure, "--html", "page.html", "--reject-below", "0.5")
    items = re.findall(r'<li class="answer ([^"]*)">.*?</li>', Path("page.html").read_text("utf-8"), re.DOTALL)
    assert "low" in items[0].split()
    assert not any("low" in item.split() for item in items[1:])
    text = Path("page.html").read_text("utf-8")
    assert "not sure: " in text
    assert re.search(r'id="low">not sure <span class="soft">1</span>', text)


def test_each_class_has_its_filter(zoo, colours_run, album):
    zoo("predict", colours_run, album, "--html", "page.html")
    text = Path("page.html").read_text("utf-8")
    chips = re.findall(r'<input type="radio" name="show" id="(c\d+)">(\w+) <span class="soft">(\d+)</span>', text)
    assert [(label, count) for _, label, count in chips] == [("red", "2"), ("blue", "1")]
    for mark, label, count in chips:
        assert f"main:has(#{mark}:checked) .answer:not(.{mark})" in text
        assert len(re.findall(rf'<li class="answer {mark}[^"]*">', text)) == int(count), label


def test_names_are_text_on_the_page(zoo, colours_run, colours):
    Path("photos").mkdir()
    name = '<img src=x onerror=alert(1)>"&.png'
    shutil.copy(colours / "red" / "00.png", Path("photos", name))
    zoo("predict", colours_run, "photos", "--html", "page.html")
    text = Path("page.html").read_text("utf-8")
    assert "<img src=x" not in text
    assert html.escape(name, quote=False).replace('"', "&#34;") in text


def test_a_page_of_very_many_says_how_many_it_leaves_out(zoo, colours_run, album, monkeypatch):
    monkeypatch.setattr(page, "MOST", 2)
    zoo("predict", colours_run, album, "--html", "page.html")
    text = Path("page.html").read_text("utf-8")
    assert "The 2 least confident of 3 images are shown" in text
    assert text.count("<figure>") == 2


def test_where_the_page_may_be_written(zoo, refused, colours_run, album):
    assert "must end in .html: --html page.html" in refused("predict", colours_run, album, "--html", "page.txt")
    assert "There is no folder no" in refused("predict", colours_run, album, "--html", "no/page.html")
    Path("mine.html").write_text("<p>mine</p>")
    assert "--overwrite" in refused("predict", colours_run, album, "--html", "mine.html")
    for _ in range(2):  # the zoo's own page is replaced
        assert zoo("predict", colours_run, album, "--html", "page.html")[0] == 0


def test_json_names_what_was_written(zoo, colours_run, album):
    code, out, err = zoo("predict", colours_run, album, "--json", "--save", "out", "--html", "page.html")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["saved"] == {"folder": "out", "pictures": 3, "page": "out/index.html"}
    assert document["page"] == "page.html"


def test_csv_keeps_stdout_for_itself(zoo, colours_run, album):
    code, out, err = zoo("predict", colours_run, album, "--csv", "--sort", "sorted")
    assert code == 0
    assert len(out.splitlines()) == 4
    assert "sorted into sorted" in err


def test_a_fetched_picture_is_sorted_and_saved_like_any(zoo, colours_run, colours, web):
    shutil.copy(colours / "red" / "00.png", web.folder / "photo.png")
    code, _, err = zoo("predict", colours_run, f"{web.url}/photo.png", "--sort", "sorted", "--save", "out")
    assert (code, err) == (0, "")
    assert tree("sorted") == ["red/photo.png"]
    assert tree("out") == ["index.html", "photo.jpg"]
    assert f"{web.url}/photo.png" in Path("out/index.html").read_text("utf-8")


def test_pictures_that_cannot_be_read_are_left_out_and_named(zoo, colours_run, album):
    Path("album/a/0.png").write_text("text")
    code, _, err = zoo("predict", colours_run, album, "--save", "out", "--sort", "sorted")
    assert code == 2
    assert "album/a/0.png" in err
    assert tree("out") == ["1-2.jpg", "1.jpg", "2.jpg", "index.html"]


def test_a_picture_of_several_labels_is_copied_into_the_folder_of_each(album):
    files = sorted(album.rglob("*.png"))
    predictions = [{"labels": ["sea", "sky"]}, {"labels": []}, {"labels": ["sky"]}]
    answers = [
        PicturePrediction(Picture(str(file), file), {**each, "top": []})
        for file, each in zip(files, predictions, strict=True)
    ]
    copies = sort_pictures(answers, Path("sorted"), ["sea", "sky"])
    assert tree("sorted") == ["none/1.png", "sea/1.png", "sky/1.png", "sky/2.png"]
    assert copies.folders == {"sea": 1, "sky": 2, "none": 1}
