"""A session: what browsers are given, what they answer, and what the model makes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.errors import OutputError, RequestError
from zoo_label.features import PlainFeatures, PoolFeatures
from zoo_label.journal import Journal, read_journal
from zoo_label.labelling import Labelling
from zoo_label.leases import Leases
from zoo_label.pool import Listed, open_pool
from zoo_label.session import Session, SessionOptions, Submission


def colour_of(name: str) -> str:
    return name.split("-")[1].removesuffix(".png")


def submit(session: Session, index: int, label: str | None = None, client: str = "a", event: Any = "label") -> None:
    name = colour_of(session.pool.names[index]) if label is None else label
    session.answer(Submission(client, "ann", event, name if event == "label" else "", [index]))


def until(true: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.01)


def label_all(session: Session, count: int) -> list[dict[str, Any]]:
    shown = []
    for _ in range(count):
        (picture,) = session.next("a", 1, [])
        shown.append(picture)
        submit(session, picture["id"])
        until(lambda: session.version - session.model._done < 5)
    return shown


def test_a_model_is_fitted_guesses_and_is_audited(make_session: Callable[..., Session]):
    session = make_session(start=True, audit=0.4)
    until(lambda: session.model.queue)
    shown = label_all(session, 24)
    status = session.status("a")
    assert status["labelled"] == 24
    assert status["left"] == 6
    assert status["model"]["labels"] >= 20
    assert status["audit"]["count"] >= 5
    assert status["audit"]["low"] < status["audit"]["right"] / status["audit"]["count"] <= 1
    audited = [each for each in shown if each["audit"]]
    assert audited
    assert all(each["guess"] == [] for each in audited), "the guess of an audited picture is hidden"
    assert {each["id"] for each in audited} <= set(session.reserve)
    assert any(each["guess"] for each in shown)
    answers = read_journal(session.labelling.journal.path)
    assert {answer.path for answer in answers if answer.audit} == {each["name"] for each in audited}
    fitted = session.model.fitted
    assert fitted is not None
    assert np.mean([fitted.guess(i) == colour_of(name) for i, name in enumerate(session.pool.names)]) > 0.7


def test_two_clients_never_have_the_same_picture(make_session: Callable[..., Session]):
    session = make_session(start=True)
    seen: dict[str, list[int]] = {"a": [], "b": [], "c": []}

    def work(client: str) -> None:
        while pictures := session.next(client, 2, []):
            for picture in pictures:
                seen[client].append(picture["id"])
                submit(session, picture["id"], client=client)

    threads = [threading.Thread(target=work, args=(client,)) for client in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    every = [index for found in seen.values() for index in found]
    assert sorted(every) == list(range(30)), "each picture once"
    answers = read_journal(session.labelling.journal.path)
    assert sorted(answer.path for answer in answers) == sorted(session.pool.names)
    others = session.status("a")["others"]
    assert sum(other["answers"] for other in others) == len(seen["b"]) + len(seen["c"])
    assert session.status("a")["advice"].startswith("Every picture has an answer")


def test_a_lease_ends_when_its_browser_is_closed_or_silent():
    now = [0.0]
    leases = Leases(seconds=100, clock=lambda: now[0])
    for client, index in (("a", 1), ("a", 2), ("b", 3)):
        leases.hear(client)
        leases.take(client, index)
    leases.keep("a", [2])
    assert leases.taken() == {2, 3}
    now[0] = 90
    leases.hear("b")
    now[0] = 110
    assert leases.taken() == {3}
    assert leases.clients() == ["b"]
    leases.forget("b")
    assert (leases.taken(), leases.clients()) == (set(), [])


def test_a_browser_that_slept_loses_what_others_have(make_session: Callable[..., Session]):
    session = make_session()
    first, second, third = (each["id"] for each in session.next("a", 3, []))
    session.leave("a")
    assert session.renew("a", [first, second, third]) == [], "nobody wanted them"
    session.leave("a")
    session.next("b", 1, [])
    submit(session, second, client="b")
    assert session.leases.owner(first) == "b"
    assert session.renew("a", [first, second, third]) == [first, second]
    assert session.leases.owner(third) == "a"


def test_undo_restores_what_was_before(make_session: Callable[..., Session]):
    session = make_session()
    submit(session, 0, "red")
    submit(session, 0, "blue")
    submit(session, 1, event="none")
    assert [each["id"] for each in session.undo("a", "ann")] == [1]
    assert 1 not in session.labelling.answers
    assert session.undo("a", "ann")[0]["label"] == "red"
    assert session.undo("a", "ann")[0]["label"] == ""
    assert session.undo("a", "ann") == []
    assert [(a.event, a.label) for a in read_journal(session.labelling.journal.path)] == [
        ("label", "red"), ("label", "blue"), ("none", ""), ("undo", ""), ("label", "red"), ("undo", "")
    ]  # fmt: skip


def test_undo_leaves_the_answer_of_another(make_session: Callable[..., Session]):
    session = make_session()
    submit(session, 0, "red", client="a")
    submit(session, 0, "blue", client="b")
    assert session.undo("a", "ann") == []
    assert session.labelling.labels() == {0: "blue"}


def test_many_answers_are_undone_together(make_session: Callable[..., Session]):
    session = make_session()
    session.answer(Submission("a", "ann", "label", "red", [3, 4, 5]))
    assert [each["id"] for each in session.undo("a", "ann")] == [3, 4, 5]
    assert session.labelling.labels() == {}


def test_a_grid_has_one_guess_the_most_certain_first(make_session: Callable[..., Session]):
    session = make_session(start=True)
    until(lambda: session.model.queue)
    label_all(session, 12)
    shown = session.grid("a", 30, "red", [])
    assert shown
    assert all(each["guess"][0][0] == "red" for each in shown)
    certainty = [each["guess"][0][1] for each in shown]
    assert certainty == sorted(certainty, reverse=True)
    every = session.grid("a", 30, "", [])
    hidden = [not each["guess"] for each in every]
    assert hidden == sorted(hidden), "those whose guess is hidden come last"
    assert not {each["id"] for each in session.grid("b", 30, "", [])} & {each["id"] for each in every}


def test_an_answer_that_can_not_be_written_changes_nothing(
    make_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
):
    session = make_session()

    def fail(answers: object) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(session.labelling.journal, "append", fail)
    with pytest.raises(OutputError):
        submit(session, 0)
    assert session.labelling.answers == {}
    assert session.undo("a", "ann") == []


@pytest.mark.parametrize(("index", "label", "said"), [(0, "grey", "no class 'grey'"), (30, "red", "0 to 29")])
def test_an_unknown_picture_or_class_is_refused(
    make_session: Callable[..., Session], index: int, label: str, said: str
):
    session = make_session()
    with pytest.raises(RequestError, match=said):
        session.answer(Submission("a", "ann", "label", label, [index]))
    assert read_journal(session.labelling.journal.path) == []


def test_a_stopping_session_takes_no_more_answers(make_session: Callable[..., Session]):
    session = make_session()
    session.close()
    with pytest.raises(RequestError, match="stopping"):
        submit(session, 0)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101])
def test_a_class_has_a_name(make_session: Callable[..., Session], name: str):
    with pytest.raises(RequestError, match="can't be a class"):
        make_session().add_class(name)


def test_classes_do_not_differ_by_case_alone(make_session: Callable[..., Session]):
    session = make_session()
    assert session.add_class(" red ") == "red"
    with pytest.raises(RequestError, match="by case only"):
        session.add_class("Red")


def test_answers_of_an_earlier_session_hold(make_session: Callable[..., Session], pool: Path):
    session = make_session(classes=())
    session.add_class("red")
    submit(session, 0, "red")
    submit(session, 1, event="skip")
    session.close()
    session.labelling.journal.close()
    again = make_session(classes=("blue",))
    assert again.labelling.classes == ["blue", "red"]
    assert again.status("")["labelled"] == 1
    assert again.left() == 28
    assert 0 not in [each["id"] for each in again.next("a", 30, [])]


def test_a_given_list_is_shown_in_its_order_with_its_labels(make_session: Callable[..., Session]):
    session = make_session(only=[7, 3], listed={3: Listed(Path("3.png"), "blue", "suggested: red")})
    shown = session.next("a", 5, [])
    assert [(each["id"], each["label"], each["note"]) for each in shown] == [(7, "", ""), (3, "blue", "suggested: red")]
    submit(session, 7)
    assert session.left() == 1
    assert [each["id"] for each in session.grid("a", 5, "", [])] == [3]
    session.undo("a", "ann")
    assert session.left() == 2


def test_unreadable_pictures_are_counted_and_not_shown(pool: Path, make_session: Callable[..., Session]):
    (pool / "broken.png").write_bytes(b"no picture")
    session = make_session(start=True)
    until(lambda: session.model.queue)
    assert session.status("a")["unreadable"] == 1
    assert len(session.next("a", 40, [])) == 30


class Failing:
    words, network = "nothing", ("simple_cnn",)

    def of(self, pool: object, observer: object) -> PoolFeatures:
        raise RuntimeError("out of memory")


def test_without_a_model_pictures_come_at_random(pool: Path):
    journal = Journal(pool / "labels.csv")
    labelling = Labelling(open_pool(pool, journal.path), journal, ["blue", "red"])
    session = Session(labelling, Failing(), SessionOptions())
    session.model.start()
    until(lambda: session.model.failure)
    assert "out of memory" in session.status("a")["model"]["status"]
    assert len(session.next("a", 40, [])) == 30
    journal.close()


def test_a_whole_pool_can_be_labelled_with_a_model(make_session: Callable[..., Session]):
    session = make_session(start=True)
    label_all(session, 30)
    assert session.next("a", 1, []) == []
    assert session.left() == 0
    assert isinstance(session.model.extractor, PlainFeatures)
