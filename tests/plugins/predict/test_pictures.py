"""What the words of the command line name: folders, patterns that the shell left alone, addresses."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from zoo_predict import fetch
from zoo_predict.fetch import name_of


@pytest.fixture
def album(colours: Path) -> Path:
    """``album/blue`` and ``album/trip/red`` with 15 pictures each, and a text."""
    shutil.copytree(colours / "blue", "album/blue")
    shutil.copytree(colours / "red", "album/trip/red")
    Path("album/notes.txt").write_text("text")
    return Path("album")


def labels(out: str) -> list[str]:
    return [row["label"] for row in json.loads(out)["predictions"]]


def test_patterns_are_expanded_where_the_shell_did_not(zoo, colours_run, album):
    for pattern, blue, red in (
        ("album/**/*.png", 15, 15),
        ("album/*/*.png", 15, 0),
        ("album/blue/0[0-4].png", 5, 0),
        ("album/b*", 15, 0),  # a folder that matches stands for its pictures
        (str(Path.cwd() / "album/trip/*/?0.png"), 0, 2),
    ):
        code, out, err = zoo("predict", colours_run, pattern, "--json")
        assert (code, err) == (0, "")
        assert labels(out) == ["blue"] * blue + ["red"] * red, pattern


def test_files_of_other_formats_that_match_are_counted(zoo, colours_run, album):
    code, out, err = zoo("predict", colours_run, "album/**", "--json")
    assert (code, len(labels(out))) == (0, 30)
    assert "skipped: 1 .txt file in album/**" in " ".join(err.split())


def test_a_pattern_that_matches_nothing(refused, colours_run, album):
    assert "No file matches 'album/**/*.jpg'" in refused("predict", colours_run, "album/**/*.jpg")


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(zoo, colours_run, colours):
    shutil.copy(colours / "red" / "00.png", "photo[1].png")
    assert labels(zoo("predict", colours_run, "photo[1].png", "--json")[1]) == ["red"]


def test_home_is_expanded_within_quotes(zoo, colours_run, album, monkeypatch):
    monkeypatch.setenv("HOME", str(Path.cwd()))
    for word in ("~/album/blue", "~/album/blue/*.png", "~/album/blue/00.png"):
        assert set(labels(zoo("predict", colours_run, word, "--json")[1])) == {"blue"}


def test_hidden_files_and_folders_of_a_folder_are_left_alone(zoo, colours_run, album):
    Path("album/blue/._00.png").write_text("what macOS puts into archives")
    Path("album/.thumbnails").mkdir()
    Path("album/.thumbnails/1.png").write_text("no picture")
    code, out, _ = zoo("predict", colours_run, "album", "--json")
    assert (code, len(labels(out))) == (0, 30)


# -- addresses


def test_a_picture_is_fetched_and_named_by_its_address(zoo, colours_run, colours, web):
    shutil.copy(colours / "red" / "00.png", web.folder / "a photo.png")
    shutil.copy(colours / "blue" / "00.png", web.folder / "blue.png")
    words = (f"{web.url}/a%20photo.png?size=full", colours / "green" / "00.png", f"{web.url}/blue.png")
    code, out, err = zoo("predict", colours_run, *words, "--json")
    assert (code, err) == (0, "")
    assert [(row["path"], row["label"]) for row in json.loads(out)["predictions"]] == [
        (str(words[0]), "red"),
        (str(words[1]), "green"),
        (words[2], "blue"),
    ]
    assert web.agents[0].startswith("visionzoo/"), "some servers refuse Python's own agent"
    assert list(Path().iterdir()) == [], "nothing is left in the working folder"


def test_by_https_too(zoo, colours_run, colours, https):
    shutil.copy(colours / "red" / "00.png", https.folder / "red.png")
    assert labels(zoo("predict", colours_run, f"{https.url}/red.png", "--json")[1]) == ["red"]


def test_an_https_address_that_leads_to_http_is_refused(refused, colours_run, colours, https, web):
    shutil.copy(colours / "red" / "00.png", web.folder / "red.png")

    def answer(server: Any) -> None:
        server.send_response(302)
        server.send_header("Location", f"{web.url}/red.png")
        server.end_headers()

    https.answers["/red.png"] = answer
    assert "redirects away from https" in refused("predict", colours_run, f"{https.url}/red.png")


def test_offline_nothing_is_fetched(refused, colours_run, web):
    words = ("predict", colours_run, f"{web.url}/red.png", "--offline")
    assert "downloads are disabled (--offline or ZOO_OFFLINE)" in refused(*words)
    assert web.agents == []


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.storage.downloads.time.sleep", lambda seconds: None)


def test_what_cannot_be_fetched_is_named_and_the_others_predicted(zoo, colours_run, colours, web, quick):
    (web.folder / "page.png").write_text("<!doctype html><title>Please log in</title>")
    words = (f"{web.url}/none.png", f"{web.url}/page.png", colours / "red" / "00.png", "http://localhost:9/a.png")
    code, out, err = zoo("predict", colours_run, *words, "--json")
    assert (code, labels(out)) == (2, ["red"])
    assert len(json.loads(out)["skipped"]) == 3
    assert f"{web.url}/none.png can't be downloaded: HTTP Error 404" in err
    assert f"{web.url}/page.png: not a readable image" in err
    assert "http://localhost:9/a.png can't be downloaded" in err
    assert "zoo-predict-" not in err, "no name of a temporary file"


def test_only_an_address_that_cannot_be_fetched(refused, colours_run, web, quick):
    assert "HTTP Error 404" in refused("predict", colours_run, f"{web.url}/none.png")


def test_what_is_too_large_is_given_up(refused, colours_run, web, monkeypatch):
    monkeypatch.setattr(fetch, "MOST_BYTES", 10_000)
    (web.folder / "large.png").write_bytes(bytes(20_000))
    assert "exceeds the limit of 10,000 bytes" in refused("predict", colours_run, f"{web.url}/large.png")


def test_what_drips_is_given_up(refused, colours_run, web, monkeypatch):
    monkeypatch.setattr(fetch, "MOST_SECONDS", 0.5)

    def drip(server: Any) -> None:
        server.send_response(200)
        server.send_header("Content-Length", "1000")
        server.end_headers()
        for _ in range(100):
            server.wfile.write(b"x")
            server.wfile.flush()
            time.sleep(0.1)

    web.answers["/slow.png"] = drip
    begun = time.monotonic()
    assert "exceeds the limit of 0.5 s" in refused("predict", colours_run, f"{web.url}/slow.png")
    assert time.monotonic() - begun < 5


def test_names_of_addresses_are_safe():
    assert name_of("https://a.org/x/Photo%201.JPG?w=3#top") == "Photo 1.JPG"
    assert name_of("https://a.org/%2e%2e/..%2f..%2fetc%2fpasswd") == "passwd"
    assert name_of("https://a.org/") == "picture"
    assert name_of("https://a.org/a:b*c%00.png") == "a_b_c_.png"
    assert len(name_of(f"https://a.org/{'x' * 500}.png")) == 100
    assert name_of("https://a.org/照片.png") == "照片.png"
