"""``zoo cache``: what there is, and that what is used stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

DAY_S = 86400


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def put(cache: Path, name: str, size: int = 1000, days: float = 0) -> Path:
    """A file of the cache that was last used so many days ago."""
    path = cache / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\0" * size)
    when = time.time() - days * DAY_S
    for each in (path, *path.parents):
        if each == cache:
            break
        os.utime(each, (when, when))
    return path


def names(document: dict) -> set[str]:
    return {row["name"] for row in document["entries"]}


def test_an_empty_cache(zoo, cache):
    code, out, _ = zoo("cache", "list")
    assert code == 0
    assert "The cache is empty." in out
    assert not cache.exists(), "to look makes nothing"
    assert zoo("cache", "prune", "--older-than", "1")[0] == 0


def test_a_kind_that_a_plugin_describes(zoo, cache, make_plugin):
    make_plugin(
        "acme",
        "from zoo.plugin import CacheKind, hookimpl\n@hookimpl\ndef zoo_cache_kinds():\n"
        "    return [CacheKind('leaves', 'scans of leaves', 'fetched again', groups=('oaks',))]\n",
    )
    put(cache, "leaves/maple.tif", days=40)
    put(cache, "leaves/oaks/red.tif", days=40)
    assert "scans of leaves" in zoo("cache", "list")[1]
    listed = json.loads(zoo("cache", "list", "leaves", "--json")[1])
    assert names(listed) == {"leaves/maple.tif", "leaves/oaks/red.tif"}
    assert json.loads(zoo("cache", "prune", "--older-than", "30", "--json")[1])["entries"] == []
    zoo("cache", "prune", "--older-than", "30", "--downloads")
    assert not (cache / "leaves" / "maple.tif").exists()


def test_each_kind_with_size_and_last_use(zoo, cache):
    put(cache, "stores/aa/images.npy", 2_000_000, days=3)
    put(cache, "stores/bb/images.npy", 500_000)
    put(cache, "features/cc.npy", 1000, days=1.5)
    put(cache, "datasets/cats_dogs/cats/1.jpg")
    put(cache, "datasets/torchvision/mnist/raw")
    put(cache, "shards/web/one/tars/x")
    put(cache, "execution/one.json")
    put(cache, "mine.txt")
    _, out, _ = zoo("cache", "list")
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    assert lines["stores"][1:5] == ["2", "2.5", "MB", "today"]
    assert lines["features"][1:5] == ["1", "1.0", "kB", "yesterday"]
    assert lines["datasets"][1] == "2"
    assert lines["other"][1] == "1"
    _, out, _ = zoo("cache", "list", "stores")
    assert [line.split()[-1] for line in out.splitlines()] == ["stores/aa", "stores/bb"]
    assert "3 days ago" in out
    document = json.loads(zoo("cache", "list", "datasets", "--json")[1])
    assert names(document) == {"datasets/cats_dogs", "datasets/torchvision/mnist"}


def test_pruning_by_age_takes_what_is_made_again_and_nothing_else(zoo, cache):
    old = [put(cache, f"{name}", days=40) for name in ("stores/aa/images.npy", "features/cc.npy")]
    kept = [
        put(cache, "stores/bb/images.npy", days=2),
        put(cache, "datasets/cats_dogs/cats/1.jpg", days=400),
        put(cache, "execution/one.json", days=400),
        put(cache, "plugins/acme.json", days=400),
        put(cache, "mine.txt", days=400),
    ]
    code, out, _ = zoo("cache", "prune", "--older-than", "30", "--dry-run")
    assert code == 0
    assert "Would remove 2 entries, 2.0 kB; " in out
    assert "without --dry-run" in out
    assert "--downloads" in out
    assert all(path.exists() for path in (*old, *kept))
    code, out, _ = zoo("cache", "prune", "--older-than", "30")
    assert code == 0
    assert "Removed 2 entries, 2.0 kB; " in out
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in kept)


def test_pruning_by_size_takes_the_least_lately_used(zoo, cache):
    for name, days in (("stores/old/images.npy", 9), ("stores/new/images.npy", 1), ("features/older.npy", 20)):
        put(cache, name, 1_000_000, days)
    document = json.loads(zoo("cache", "prune", "--above", "1.5MB", "--json")[1])
    assert [row["name"] for row in document["entries"]] == ["features/older.npy", "stores/old"]
    assert all(row["removed"] for row in document["entries"])
    assert (cache / "stores/new/images.npy").exists()


def test_downloads_go_only_where_that_is_said(zoo, cache):
    put(cache, "datasets/torchvision/mnist/raw", days=90)
    put(cache, "shards/web/one/tars/x", days=90)
    zoo("cache", "prune", "--older-than", "30")
    assert (cache / "datasets/torchvision/mnist").exists()
    zoo("cache", "prune", "--older-than", "30", "--downloads")
    assert not (cache / "datasets/torchvision/mnist").exists()
    assert not (cache / "shards/web/one").exists()


def test_a_link_is_removed_and_not_what_it_leads_to(zoo, cache, tmp_path):
    photos = put(tmp_path / "photos", "cats/1.jpg", days=90)
    (cache / "datasets").mkdir(parents=True)
    (cache / "datasets" / "cats_dogs").symlink_to(tmp_path / "photos")
    code, _, err = zoo("cache", "prune", "--above", "0MB", "--downloads")
    assert code == 0, err
    assert photos.exists()


def test_what_killed_processes_left_goes_after_a_day(zoo, cache):
    left = put(cache, "datasets/torchvision/.download-ab12/raw", days=2)
    fresh = put(cache, "datasets/torchvision/.download-cd34/raw")
    half = put(cache, "features/.cc.npy.0a1b2c3d.zoo-part", days=2)
    zoo("cache", "prune", "--older-than", "1000")
    assert not left.exists()
    assert not half.exists()
    assert fresh.exists(), "its process may live"


JOB = ("--recipe", "none", "--image-size", "16", "--set", "architecture.channels=[8]", "--quiet")
PICTURES = {"train/red": 8, "train/blue": 8, "val/red": 4, "val/blue": 4}


@pytest.mark.slow
def test_what_a_running_job_uses_stays(zoo, cache, make_folder):
    """A real job, in a process of its own: its store stays, another goes; when it is dead its store goes too."""
    other = put(cache, "stores/other/images.npy", days=90)
    downloaded = put(cache, "datasets/cats_dogs/cats/1.jpg", days=90)
    words = ("simple_cnn", make_folder(PICTURES), *JOB, "--epochs", "5000", "--name", "long")
    job = subprocess.Popen([sys.executable, "-m", "zoo", "run", *map(str, words)], stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 120
        while not Path("runs/long/metrics.jsonl").is_file():
            assert job.poll() is None, job.communicate()
            assert time.monotonic() < end
            time.sleep(0.05)
        stores = {path for path in (cache / "stores").iterdir() if path.name != "other"}
        assert stores
        code, out, _ = zoo("cache", "prune", "--above", "0MB", "--downloads")
        assert code == 0, "that it is used is no failure"
        assert "was not removed: used by a running process" in out
        assert not other.exists()
        assert downloaded.exists()
        assert all((path / "images.npy").exists() for path in stores)
        assert job.poll() is None
    finally:
        job.kill()
        job.communicate()
    assert zoo("cache", "prune", "--above", "0MB", "--downloads")[0] == 0
    assert not any(path.exists() for path in stores)
    assert not downloaded.exists()


@pytest.mark.slow
def test_a_job_whose_store_was_pruned_makes_it_again(zoo, cache, make_folder):
    command = [sys.executable, "-m", "zoo", "run", "simple_cnn", str(make_folder(PICTURES)), *JOB, "--epochs", "1"]
    subprocess.run([*command, "--name", "one"], check=True)
    assert list((cache / "stores").iterdir())
    zoo("cache", "prune", "--above", "0MB")
    assert not list((cache / "stores").iterdir())
    subprocess.run([*command, "--name", "two"], check=True)
    one, two = (json.loads(Path(f"runs/{name}/result.json").read_text("utf-8")) for name in ("one", "two"))
    assert one["metrics"]["val"]["accuracy"] == two["metrics"]["val"]["accuracy"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("list", "sores"), "Did you mean 'stores'?"),
        (("prune",), "--older-than 30"),
        (("prune", "--above", "lots"), "--above 500MB"),
        (("prune", "--older-than", "-1"), "--older-than"),
        (("prune", "--older-than", "soon"), "--older-than"),
    ],
)
def test_a_wrong_word_is_refused(refused, words, says):
    assert says in refused("cache", *words)


def test_a_cache_that_is_no_folder(refused, monkeypatch):
    Path("file").write_text("")
    monkeypatch.setenv("ZOO_CACHE", str(Path("file").resolve()))
    assert "is not a folder" in refused("cache", "list")
    assert "is not a folder" in refused("cache", "prune", "--older-than", "1")


@pytest.mark.parametrize(
    ("text", "size"), [("500", 500), ("5kB", 5000), ("1.5GiB", 1610612736), ("20 GB", 20 * 10**9), ("2T", 2 * 10**12)]
)
def test_sizes(text, size):
    from zoo_cache.pruning import parse_size

    assert parse_size(text) == size
