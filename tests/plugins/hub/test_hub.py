"""The hub's own library, talking to a hub on this machine: what goes there comes back as it was, or is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.model.manifest import CARD, MANIFEST, README, WEIGHTS

Zoo = Callable[..., tuple[int, str, str]]
WORD = "hf:alice/digits"


@pytest.fixture
def shared(zoo: Zoo, run: Path, tmp_path: Path) -> dict[str, bytes]:
    """The files of a shared model."""
    assert zoo("models", "push", run, tmp_path / "shared")[0] == 0
    return {path.name: path.read_bytes() for path in (tmp_path / "shared" / "digits").iterdir()}


@pytest.fixture
def said(zoo: Zoo) -> Callable[..., str]:
    """Type what is refused; gives its words, one paragraph, and nothing is left."""

    def typed(*words: object, code: int = 2) -> str:
        before = sorted(Path().rglob("*"))
        got, out, err = zoo(*words)
        assert got == code, (got, out, err)
        assert out == ""
        last = err.splitlines()[-1]
        assert last.startswith("zoo: ")
        assert "defect" not in err
        assert len(last) < 700
        assert [p for p in Path().rglob("*") if p not in before and p.is_file()] == []
        return last

    return typed


def log_in(monkeypatch: pytest.MonkeyPatch, token: str = "hf_may_write") -> None:
    monkeypatch.setenv("HF_TOKEN", token)


# -- there and back ---------------------------------------------------------------------------------------


def test_a_model_pushed_to_the_hub_answers_from_there_as_here(zoo, run, hub, answers, monkeypatch):
    log_in(monkeypatch)
    code, out, err = zoo("models", "push", run, WORD, "--license", "apache-2.0", "--json")
    assert code == 0, err
    document = json.loads(out)
    repo = hub.repos["alice/digits"]
    assert repo.branches["main"] == document["revision"]
    assert set(repo.commits[document["revision"]]) == {WEIGHTS, CARD, README, MANIFEST}
    assert repo.lfs == {WEIGHTS}
    assert "license:apache-2.0" in repo.tags()
    assert f"zoo predict {WORD} photo.jpg" in repo.commits[document["revision"]][README].decode()
    assert answers(WORD) == answers(run)


def test_a_folder_pulled_from_the_hub_is_what_was_pushed(zoo, hub, shared, tmp_path):
    commit = hub.make("alice/digits", {**shared, "handler.py": b"print('never fetched')"}).branches["main"]
    code, out, err = zoo("models", "pull", f"{WORD}@{commit}", "--json")
    assert code == 0, err
    assert json.loads(out)["revision"] == commit
    assert {path.name: path.read_bytes() for path in Path("models/digits").iterdir()} == shared
    assert not any("handler.py" in path for _, path in hub.asked)


def test_pushing_the_same_again_changes_nothing_and_another_needs_a_word(zoo, run, hub, said, monkeypatch):
    log_in(monkeypatch)
    words = ("models", "push", run, WORD, "--license", "mit")
    assert zoo(*words)[0] == 0
    code, out, _ = zoo(*words, "--json")
    assert (code, json.loads(out)["status"]) == (0, "unchanged")
    assert len(hub.repos["alice/digits"].commits) == 2
    assert "contains another model" in said(*words[:-1], "apache-2.0")
    assert zoo(*words[:-1], "apache-2.0", "--overwrite")[0] == 0
    assert "license:apache-2.0" in hub.repos["alice/digits"].tags()


def test_other_files_in_a_repository_are_not_written_over(run, hub, said, monkeypatch):
    log_in(monkeypatch)
    hub.make("alice/digits", {"README.md": b"my novel"})
    assert "contains other files (README.md" in said("models", "push", run, WORD, "--license", "mit")
    assert len(hub.repos["alice/digits"].commits) == 2


def test_a_branch_and_a_private_repository(zoo, run, hub, monkeypatch, said):
    log_in(monkeypatch)
    code, _, err = zoo("models", "push", run, f"{WORD}@v2", "--license", "mit", "--private")
    assert code == 0, err
    repo = hub.repos["alice/digits"]
    assert repo.private
    assert set(repo.commits[repo.branches["main"]]) == set()
    assert MANIFEST in repo.commits[repo.branches["v2"]]
    assert zoo("models", "pull", f"{WORD}@v2")[0] == 0
    monkeypatch.delenv("HF_TOKEN")
    assert "does not exist or is private" in said("models", "pull", f"{WORD}@v2", "--name", "other")


def test_a_new_branch_of_a_repository_that_is_there(zoo, run, hub, monkeypatch):
    log_in(monkeypatch)
    assert zoo("models", "push", run, WORD, "--license", "mit")[0] == 0
    asked = len(hub.asked)
    assert zoo("models", "push", run, f"{WORD}@v2", "--license", "apache-2.0")[0] == 0
    assert ("POST", "/api/repos/create") not in hub.asked[asked:]
    repo = hub.repos["alice/digits"]
    assert repo.commits[repo.branches["main"]][MANIFEST] != repo.commits[repo.branches["v2"]][MANIFEST]


def test_an_owners_models_are_listed(zoo, hub, shared):
    hub.make("alice/digits", shared)
    hub.make("alice/novel", {"README.md": b"---\ntags: [text]\n---\n"})
    hub.make("bob/digits", shared)
    code, out, err = zoo("models", "list", "hf:alice", "--json")
    assert code == 0, err
    assert [row["name"] for row in json.loads(out)] == ["hf:alice/digits"]
    assert zoo("models", "list", "hf:alice")[1] == "hf:alice/digits\n  licence unknown\n"


# -- used by its name -------------------------------------------------------------------------------------


def test_the_first_use_fetches_and_says_so_and_the_second_needs_no_hub(zoo, hub, shared, run, pictures, monkeypatch):
    hub.make("alice/digits", shared)
    words = ("predict", WORD, pictures, "--json")
    code, out, err = zoo(*words)
    assert code == 0, err
    assert "downloading hf:alice/digits@" in err
    assert "KiB) to the cache" in err
    asked = len(hub.asked)
    code, again, err = zoo(*words, "--offline")
    assert (code, again, err) == (0, out, "")
    assert len(hub.asked) == asked
    monkeypatch.delenv("ZOO_OFFLINE")
    hub.stop()
    code, again, err = zoo(*words)
    assert (code, again) == (0, out)
    assert "from the cache" in err


def test_a_commit_that_is_here_is_not_asked_for(zoo, hub, shared, pictures):
    commit = hub.make("alice/digits", shared).branches["main"]
    assert zoo("predict", f"{WORD}@{commit}", pictures)[0] == 0
    asked = len(hub.asked)
    assert zoo("predict", f"{WORD}@{commit}", pictures)[0] == 0
    assert len(hub.asked) == asked


def test_a_branch_that_has_moved_is_followed(zoo, hub, shared, pictures, run, tmp_path):
    repo = hub.make("alice/digits", shared)
    assert zoo("predict", WORD, pictures)[0] == 0
    assert zoo("models", "push", run, tmp_path / "again", "--license", "mit")[0] == 0
    repo.commit("main", {path.name: path.read_bytes() for path in (tmp_path / "again" / "digits").iterdir()})
    code, _, err = zoo("predict", WORD, pictures)
    assert code == 0
    assert "downloading" in err
    rows = json.loads(zoo("models", "list", "--json")[1])
    assert {row["license"] for row in rows} == {"unknown", "mit"}
    assert all(row["at"].startswith(f"{WORD}@") for row in rows)


def test_a_copy_in_the_cache_that_was_changed_is_not_used(zoo, hub, shared, pictures):
    hub.make("alice/digits", shared)
    assert zoo("predict", WORD, pictures)[0] == 0
    (weights,) = Path("cache").rglob(WEIGHTS)
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    code, _, err = zoo("predict", WORD, pictures, "--offline")
    assert code == 2
    assert "is not cached" in err
    os.environ.pop("ZOO_OFFLINE")
    code, _, err = zoo("predict", WORD, pictures)
    assert code == 0
    assert "downloading" in err
    assert weights.read_bytes() == shared[WEIGHTS]


def test_python_and_other_commands_take_it_too(zoo, hub, shared, run, pictures):
    import zoo as library

    hub.make("alice/digits", shared)
    assert len(library.load(WORD, device="cpu").predict(pictures / "0.png")) == 1
    code, out, err = zoo("evaluate", WORD, "digits", "--split", "val", "--json")
    assert code == 0, err
    code, own, err = zoo("evaluate", run, "--json")
    assert json.loads(out)["metrics"]["val"]["accuracy"] == json.loads(own)["metrics"]["val"]["accuracy"]
    assert "zoo evaluate hf:alice/digits DATASET" in zoo("evaluate", WORD)[2]


# -- refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("hf:alice", "hf:alice"),
        ("hf:alice/nothing", "hf:alice/nothing does not exist or is private"),
        ("hf:alice/digits@v9", "no revision 'v9'"),
        ("hf:alice/gated", "is gated"),
        ("hf:alice/novel", "not a model of the zoo"),
        ("hf:alice/a b", "not a model of the hub"),
        ("hf:../../etc", "not a model of the hub"),
        ("hf:alice/digits@../x", "not a model of the hub"),
    ],
)
@pytest.mark.parametrize("command", ["pull", "predict"])
def test_what_cannot_be_had_is_said_in_a_sentence(hub, shared, said, pictures, word, reason, command):
    hub.make("alice/digits", shared)
    hub.make("alice/gated", shared, gated=True)
    hub.make("alice/novel", {"README.md": b"Once upon a time"})
    words = ("models", "pull", word) if command == "pull" else ("predict", word, pictures)
    assert reason in said(*words)
    assert not Path("models").exists()


@pytest.mark.parametrize("name", [WEIGHTS, CARD, README])
def test_a_file_that_was_changed_on_the_hub_is_refused(hub, shared, said, pictures, name):
    changed = bytes([*shared[name][:-2], shared[name][-2] ^ 1, shared[name][-1]])
    hub.make("alice/digits", {**shared, name: changed})
    for words in (("models", "pull", WORD), ("predict", WORD, pictures)):
        assert f"{name} of hf:alice/digits" in said(*words)


@pytest.mark.parametrize("name", [WEIGHTS, CARD])
def test_a_file_that_is_not_there_is_refused(hub, shared, said, name):
    hub.make("alice/digits", {file: content for file, content in shared.items() if file != name})
    assert "lacks a file" in said("models", "pull", WORD)


def test_a_larger_file_than_announced_is_not_fetched(hub, shared, said):
    hub.make("alice/digits", {**shared, README: b"x" * (5 << 20)})
    assert "5,242,880 bytes, not" in said("models", "pull", WORD)
    assert ("GET", f"/alice/digits/resolve/{hub.repos['alice/digits'].branches['main']}/{README}") not in hub.asked


def test_another_digest_than_asked_for(hub, shared, said):
    hub.make("alice/digits", shared)
    assert "it is a different model" in said("models", "pull", WORD, "--sha256", "0" * 64)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's library tries again and again, with pauses."""
    import time

    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def test_a_connection_that_breaks_leaves_nothing(hub, shared, said, impatient):
    hub.make("alice/digits", shared)
    hub.broken = WEIGHTS
    assert "can't be reached" in said("models", "pull", WORD)
    assert not Path("models").exists()


def test_a_hub_that_is_busy_or_gone(hub, shared, said, pictures, impatient):
    hub.status = 500
    assert "can't be reached" in said("models", "pull", WORD)
    assert "can't be reached" in said("models", "list", "hf:alice")
    hub.stop()
    assert "can't be reached" in said("predict", WORD, pictures)


def test_offline_the_hub_is_not_asked(hub, shared, said, run, pictures, monkeypatch):
    hub.make("alice/digits", shared)
    log_in(monkeypatch)
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    for words in (
        ("models", "pull", WORD),
        ("predict", WORD, pictures),
        ("models", "list", "hf:alice"),
        ("models", "push", run, WORD, "--license", "mit"),
    ):
        assert "ZOO_OFFLINE" in said(*words)
    assert hub.asked == []


@pytest.mark.parametrize(
    ("token", "options", "reason"),
    [
        (None, ("--license", "mit"), "hf auth login"),
        ("hf_may_read", ("--license", "mit"), "Permission denied"),
        ("hf_may_write", (), "need a licence"),
        ("hf_may_write", ("--license", "my own!"), "not a licence"),
    ],
)
def test_a_push_that_may_not_be(hub, said, run, monkeypatch, token, options, reason):
    if token:
        log_in(monkeypatch, token)
    assert reason in said("models", "push", run, WORD, *options)
    assert hub.repos == {}


def test_an_upload_that_fails_leaves_no_model_and_says_what_is_there(hub, said, run, monkeypatch):
    log_in(monkeypatch)
    hub.broken = "upload"
    assert "The model was not uploaded" in said("models", "push", run, WORD, "--license", "mit")
    hub.broken, hub.refuses_commits = None, True
    assert "hub rejected" in said("models", "push", run, WORD, "--license", "mit")
    assert hub.repos["alice/digits"].commits[hub.repos["alice/digits"].branches["main"]] == {}
