"""A run's folder: its name, the right to it, and what --overwrite may touch."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import OutputError, RequestError
from zoo.job.run_folder import JOB, find_run
from zoo.runner import folder as folder_module
from zoo.runner.folder import bring_back_replaced, check_name, claim, forget_replaced, made_up_name


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "runs"


def old_run(out: Path, name: str = "mine") -> Path:
    folder = claim(out, name)
    (folder / JOB).write_text("seed: 1\n")
    (folder / "result.json").write_text("old")
    return folder


def test_a_made_up_name_is_free_and_can_be_typed(out: Path):
    names = {made_up_name(out) for _ in range(50)}
    assert len(names) > 25
    assert all(check_name(name) == name and name.count("-") == 1 for name in names)


def test_a_made_up_name_is_free_when_all_short_ones_are_taken(out: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(folder_module, "_MOODS", ["calm"])
    monkeypatch.setattr(folder_module, "_ANIMALS", ["yak"])
    claim(out, "calm-yak")
    name = made_up_name(out)
    assert name.startswith("calm-yak-")
    assert not (out / name).exists()


@pytest.mark.parametrize(
    "name", ["..", ".", "", "a/b", "/tmp/x", "../x", "-x", ".x", "a b", "é", "a\n", "a" * 101, "a\\b"]
)
def test_a_name_that_could_leave_its_folder_is_refused(out: Path, name: str):
    with pytest.raises(RequestError, match="is not a valid name of a run"):
        claim(out, name)
    assert not out.exists()


@given(name=st.text(max_size=12))
def test_a_name_is_one_part_of_a_path_or_refused(name: str):
    try:
        checked = check_name(name)
    except RequestError:
        return
    assert Path("runs", checked).parent == Path("runs")
    assert Path("runs", checked).name == name
    assert not name.startswith((".", "-"))


def test_claiming_makes_the_folder_and_those_above_it(out: Path):
    assert claim(out, "mine") == out / "mine"
    assert (out / "mine").is_dir()


def test_a_taken_name_is_refused_with_the_ways_out(out: Path):
    old_run(out)
    with pytest.raises(RequestError) as caught:
        claim(out, "mine")
    text = str(caught.value)
    assert f"The run 'mine' exists in {out}." in text
    assert all(word in text for word in ("--name", "--resume", "--overwrite"))
    assert (out / "mine" / "result.json").read_text() == "old"


def test_resuming_takes_the_folder_as_it_is(out: Path):
    folder = old_run(out)
    assert claim(out, "mine", resume=True) == folder
    assert (folder / "result.json").read_text() == "old"
    assert claim(out, "new", resume=True).is_dir()


def test_a_replaced_run_can_come_back_until_it_is_forgotten(out: Path):
    folder = old_run(out)
    assert list(claim(out, "mine", overwrite=True).iterdir()) == []
    folder.rmdir()
    bring_back_replaced(folder)
    assert (folder / "result.json").read_text() == "old"
    claim(out, "mine", overwrite=True)
    forget_replaced(folder)
    assert [path.name for path in out.iterdir()] == ["mine"]
    bring_back_replaced(folder)
    assert list(folder.iterdir()) == [], "a run that stands is not put aside for a replaced one"


def test_a_replaced_run_is_not_named_as_a_run(out: Path):
    old_run(out)
    claim(out, "mine", overwrite=True)
    assert [p.name for p in out.iterdir() if not p.name.startswith(".")] == ["mine"]


def test_a_folder_that_is_no_run_is_not_overwritten(out: Path):
    folder = claim(out, "photos")
    (folder / "cat.jpg").write_text("precious")
    with pytest.raises(
        RequestError, match=(r"photos is not the folder of a run \(no job\.yaml in it\); it was not changed")
    ):
        claim(out, "photos", overwrite=True)
    assert (folder / "cat.jpg").read_text() == "precious"


def test_an_empty_folder_may_be_overwritten(out: Path):
    claim(out, "mine")
    assert claim(out, "mine", overwrite=True).is_dir()


@pytest.mark.parametrize("overwrite", [True, False])
def test_an_output_folder_that_is_a_file_is_told(tmp_path: Path, overwrite: bool):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(OutputError, match=r"runs is a file, not a folder\. Choose another folder with --out"):
        claim(tmp_path / "runs", "mine", overwrite=overwrite)
    with pytest.raises(OutputError, match="can't be written: Not a directory"):
        claim(tmp_path / "runs" / "deeper", "mine", overwrite=overwrite)
    assert (tmp_path / "runs").read_text() == "a file"


def test_an_output_folder_that_cannot_be_written_is_told():
    with pytest.raises(OutputError, match="can't be written"):
        claim(Path("/proc/1/runs"), "mine")


def test_a_run_is_found_by_its_name_and_by_its_folder(out: Path):
    folder = old_run(out)
    assert find_run("mine", out) == find_run(str(folder)) == folder


def test_a_run_is_found_where_a_folder_of_pictures_is_called_so_too(out: Path):
    folder = old_run(out)
    (Path.cwd() / "mine").mkdir()
    assert find_run("mine", out) == folder


def test_a_run_that_is_not_there_is_told_with_what_is_near(out: Path):
    old_run(out, "brave-otter")
    with pytest.raises(
        RequestError, match=r"There is no run 'brave-oter'\. Did you mean 'brave-otter'\? See: zoo runs"
    ):
        find_run("brave-oter", out)
    with pytest.raises(RequestError, match=r"There is no run 'x'\. See: zoo runs list"):
        find_run("x", out / "nowhere")


def test_a_replaced_run_is_not_what_somebody_meant(out: Path):
    old_run(out, "brave-otter")
    claim(out, "brave-otter", overwrite=True)
    with pytest.raises(RequestError) as caught:
        find_run("brave-oter", out)
    assert "replaced" not in str(caught.value)
