"""Files of folders and patterns: complete, in one order, and without a list of them all."""

from __future__ import annotations

import glob
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo_predict.many import walk
from zoo_predict.many.walk import files_below, matching_files


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"")


def paths(found) -> list[str]:
    return [path for path, _ in found]


def test_a_folder_has_the_order_of_its_paths():
    make("a/b.jpg", "a/b/1.jpg", "a/b/2/3.jpg", "a/b.a/4.jpg", "a/a.jpg", "a/é.jpg", "a/new\nline.jpg", "a/Z.jpg")
    make("a/.hidden.jpg", "a/.hidden/5.jpg")
    expected = [p for p in sorted(Path("a").rglob("*")) if p.is_file() and ".hidden" not in str(p)]
    assert paths(files_below("a")) == [str(p) for p in expected]


def test_a_large_folder_is_sorted_in_files(monkeypatch):
    names = [f"many/{i * 7919 % 1000:03d}.jpg" for i in range(1000)]
    make(*names)
    monkeypatch.setattr(walk, "IN_MEMORY", 64)
    monkeypatch.setattr(walk, "_BLOCK", 10)
    assert paths(files_below("many")) == sorted(names)


def test_links_to_files_are_files_and_links_to_folders_are_not_followed():
    make("real/1.jpg", "album/2.jpg")
    Path("album/linked.jpg").symlink_to(Path("real/1.jpg").resolve())
    Path("album/broken.jpg").symlink_to("nowhere.jpg")
    Path("album/folder").symlink_to(Path("real").resolve())
    os.mkfifo("album/pipe.jpg")
    assert paths(files_below("album")) == ["album/2.jpg", "album/broken.jpg", "album/linked.jpg"]


def test_a_folder_that_cannot_be_listed_is_named(monkeypatch):
    make("a/1.jpg", "a/locked/2.jpg", "a/z.jpg")
    scandir = os.scandir

    def refusing(folder):
        if str(folder).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(walk.os, "scandir", refusing)
    assert list(files_below("a")) == [
        ("a/1.jpg", ""),
        ("a/locked", "the folder can't be listed (Permission denied)"),
        ("a/z.jpg", ""),
    ]


TREE = ("t/a.jpg", "t/b.png", "t/x/a.jpg", "t/x/y/a.jpg", "t/x/y/c.png", "t/w/y/d.jpg", "t/.h/a.jpg", "t/.i.jpg")


@pytest.mark.parametrize(
    "pattern",
    [
        "t/*.jpg",
        "t/**/*.jpg",
        "t/*/*.jpg",
        "t/**/y/*",
        "**/a.jpg",
        "t/**/y/**/*.png",
        "t/?.jpg",
        "t/[ab].*",
        "*/x/*.jpg",
    ],
)
def test_a_pattern_matches_what_glob_matches(pattern):
    make(*TREE)
    globbed = glob.glob(pattern, recursive=True)  # noqa: PTH207
    expected = {name for name in globbed if Path(name).is_file()}
    found = paths(matching_files(pattern))
    assert len(found) == len(set(found))
    assert expected <= set(found)
    assert all(any(Path(f).is_relative_to(g) for g in globbed) for f in found)
    absolute = paths(matching_files(str(Path(pattern).absolute())))
    assert [os.path.relpath(path) for path in absolute] == found


def test_a_matching_folder_stands_for_its_files():
    make(*TREE)
    assert paths(matching_files("t/[xw]")) == ["t/w/y/d.jpg", "t/x/a.jpg", "t/x/y/a.jpg", "t/x/y/c.png"]


def test_hidden_names_match_a_leading_dot():
    make(*TREE)
    assert paths(matching_files("t/.*.jpg")) == ["t/.i.jpg"]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=4),
    st.lists(st.sampled_from(["a", "b*", "**", "*", "?"]), min_size=1, max_size=4),
)
def test_names_fit_a_pattern_as_pathlib_says(names, parts):
    """``**`` as any number of folders, from the regular expression of the pattern."""
    import re

    one = {"a": "a", "b*": "b[^/]*", "*": "[^/]*", "?": "[^/]"}
    text = "".join("(?:[^/]+/)*" if part == "**" else one[part] + "/" for part in parts)
    if parts[-1] == "**":
        text += "[^/]+/"
    assert walk._fits(names, parts) == bool(re.fullmatch(text, "/".join(names) + "/"))
