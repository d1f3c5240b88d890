"""What a process that torch's elastic agent has started knows of restarts, and what it leaves to the next one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoo.host.restarts import final_code, leave, restart


@pytest.fixture(autouse=True)
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The variables that torchrun --max-restarts 2 sets at the first start."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "2")
    before = signal.getsignal(signal.SIGTERM)
    start(0, tmp_path, monkeypatch)
    yield
    signal.signal(signal.SIGTERM, before)


def start(attempt: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / f"attempt_{attempt}" / "1"
    folder.mkdir(parents=True)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", str(attempt))
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(folder / "error.json"))


@pytest.mark.parametrize("code", [2, 130])
def test_an_exit_code_that_a_restart_would_repeat_is_passed_on(tmp_path: Path, monkeypatch, code: int):
    assert (restart(), final_code()) == (0, None)
    leave(code)
    for attempt in (1, 2):
        start(attempt, tmp_path, monkeypatch)
        assert (restart(), final_code()) == (attempt, code)
        leave(code)


@pytest.mark.parametrize("code", [1, 3])
def test_another_failure_is_worth_a_restart(tmp_path: Path, monkeypatch, code: int):
    leave(code)
    start(1, tmp_path, monkeypatch)
    assert (restart(), final_code()) == (1, None)


def test_an_agent_without_logs_leaves_no_record(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", "")
    leave(2)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert final_code() is None


def test_a_process_that_ends_ignores_the_agent_that_ends_the_others(monkeypatch):
    leave(3)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN


def test_without_an_agent_signals_stay_as_they_are(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    before = signal.getsignal(signal.SIGTERM)
    leave(2)
    assert signal.getsignal(signal.SIGTERM) == before
