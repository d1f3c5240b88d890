"""What ``--set`` varies: ranges and choices, told from plain values, and checked against the job before anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import RequestError
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo_search.space import Choices, Range, check, combinations, divide, make_space, variation


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0..0.6", Range(0.0, 0.6, whole=False, log=False)),
        ("log:1e-4..1e-1", Range(1e-4, 0.1, whole=False, log=True)),
        ("16..128", Range(16, 128, whole=True, log=False)),
        ("log:16..128", Range(16, 128, whole=True, log=True)),
        ("-1..1", Range(-1, 1, whole=True, log=False)),
        ("adam,sgd", Choices(("adam", "sgd"))),
        ("16, 32, 64", Choices(("16", "32", "64"))),
        ("[8,16],[16,32]", Choices(("[8,16]", "[16,32]"))),
        ("'a,b',c", Choices(("'a,b'", "c"))),
        ("{name: cosine, warmup: 1},constant", Choices(("{name: cosine, warmup: 1}", "constant"))),
    ],
)
def test_several_values(text: str, meant: Range | Choices):
    assert variation("train.lr", text) == meant


@pytest.mark.parametrize("text", ["0.1", "adam", "[8,16]", "'a,b'", "../photos", "a..b", "1e-3", "", "true", "./a.pth"])
def test_one_value(text: str):
    assert variation("train.lr", text) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0.6..0", "must be smaller than the second"),
        ("1..1", "must be smaller than the second"),
        ("log:0..1", "must start above 0"),
        ("log:adam,sgd", "log: needs a range"),
        ("log:0.1", "log: needs a range"),
        ("a,", "an empty value"),
        ("a,a", "a repeated value"),
    ],
)
def test_what_looks_like_several_and_is_not(text: str, told: str):
    with pytest.raises(RequestError, match=told):
        variation("train.lr", text)


def test_a_short_name_is_an_options():
    varied, fixed = divide(["lr=log:1e-4..1e-1", "epochs=3", "loss=focal", "train.optimizer=adam,sgd"])
    assert varied == {"train.lr": "log:1e-4..1e-1", "train.optimizer": "adam,sgd"}
    assert fixed == ["train.epochs=3", "loss=focal"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["lr=0..1", "train.lr=0..2"], "given twice"),
        (["lr=0..1", "train.lr=0.5"], "is both set and varied"),
    ],
)
def test_a_path_is_given_once(words: list[str], told: str):
    with pytest.raises(RequestError, match=told):
        divide(words)


def test_nothing_varied_says_what_to_type():
    with pytest.raises(RequestError, match=r"needs a range or a choice to vary.*--set lr=log:1e-4\.\.1e-1"):
        make_space({})


def test_what_trials_are_compared_by_does_not_vary():
    with pytest.raises(RequestError, match="can't be varied"):
        make_space({"train.monitor": "val/loss,val/accuracy"})


@given(st.floats(1e-12, 1e12), st.floats(1e-12, 1e12))
def test_a_drawn_number_is_written_to_the_last_digit(low: float, high: float):
    part = Range(low, high, whole=False, log=False)
    assert [float(part.text(v)) for v in (low, high)] == [low, high]


def checked(*words: str, **options: object):
    varied, fixed = divide(words)
    assert not fixed
    return check(
        make_space(varied),
        make_request({"architecture": "simple_cnn", "dataset": "digits", **options}),
        open_registry(),
    )


def test_the_job_with_the_first_of_all_values():
    job = checked("lr=log:1e-4..1e-1", "train.optimizer=sgd,adam").job
    assert (job.train.lr, job.train.optimizer.name) == (1e-4, "sgd")


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("train.optimizer=adam,sdg", "--set train.optimizer=sdg, which is invalid. Unknown optimizer 'sdg'"),
        ("architecture.dropout=0..1.5", "architecture.dropout=1.5"),
        ("train.epochs=1.5..4.5", "train.epochs=1.5"),
        ("train.batch_size=16.0..64.0", "train.batch_size=34.3"),
        ("train.lr=0..0.1", "train.lr=0"),
        ("train.lrr=0..1", "unknown key 'train.lrr'"),
        ("architecture.dropuot=0..1", "dropuot"),
    ],
)
def test_every_end_and_every_choice_is_tried_before_anything_begins(word: str, told: str):
    with pytest.raises(RequestError) as caught:
        checked(word)
    assert told in str(caught.value)


def test_many_values_are_checked_one_by_one():
    words = [f"train.{name}=0..0.{i + 1}" for i, name in enumerate(("l1", "l2", "min_delta", "weight_decay"))]
    words += ["train.lr=1..2", "train.optimizer=adam,sgd,adamw,rmsprop,nonsense"]
    with pytest.raises(RequestError, match="nonsense"):
        checked(*words)


@pytest.mark.parametrize(
    ("texts", "count"),
    [(("a,b", "1..3"), 6), (("a,b", "0.1..0.3"), None), (("log:1..4",), 4), (("log:1e-4..1",), None)],
)
def test_combinations_are_counted_where_they_are_finite(texts: tuple[str, ...], count: int | None):
    assert combinations(make_space({f"train.{i}": text for i, text in enumerate(texts)})) == count
