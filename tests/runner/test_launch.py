"""The launcher of several processes: its settings, restarts and messages, with a stand-in for torch's launcher."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig

from zoo.runner import launch as launcher

Start = Callable[[LaunchConfig, tuple[str, ...]], None]
RUN = Path("runs/two")


@pytest.fixture
def launch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, list[tuple[str, ...]]]]:
    """Launch ``zoo run a b`` in two processes with a stand-in for each start: the exit code, and the words of each."""
    for name in ("OMP_NUM_THREADS", "TORCH_ELASTIC_SHUTDOWN_TIMEOUT"):
        monkeypatch.setenv(name, "")  # restored afterwards
        monkeypatch.delenv(name)

    def launched(*starts: Start, restarts: int = 0, words: tuple[str, ...] = ("run", "a", "b", "--overwrite")) -> Any:
        left, seen = list(starts), []

        def elastic_launch(config: LaunchConfig, program: str) -> Callable[..., None]:
            def run(*arguments: str) -> None:
                seen.append(arguments)
                left.pop(0)(config, arguments)

            return run

        monkeypatch.setattr(launcher, "elastic_launch", elastic_launch)
        code = launcher.launch(words, 2, restarts, RUN)
        assert not left
        return code, seen

    return launched


def fails(**codes: int) -> Start:
    """Processes that end with these codes: ``rank0=1``; the second one also writes to its stderr."""

    def run(config: LaunchConfig, arguments: tuple[str, ...]) -> None:
        assert config.logs_specs is not None
        files = config.logs_specs.reify({0: {}, 1: {}})
        assert files.stderrs[0] == files.stdouts[0] == ""
        Path(files.stderrs[1]).write_text("its last line\n")
        Path(files.stdouts[1]).touch()
        failures = {int(rank[4:]): ProcessFailure(0, 0, code, "") for rank, code in codes.items()}
        raise ChildFailedError("zoo", failures)

    return run


def begins(config: LaunchConfig, arguments: tuple[str, ...]) -> None:
    RUN.mkdir(parents=True)
    (RUN / "job.yaml").touch()


def succeeds(config: LaunchConfig, arguments: tuple[str, ...]) -> None:
    assert (config.min_nodes, config.max_nodes, config.nproc_per_node, config.max_restarts) == (1, 1, 2, 0)
    assert config.rdzv_endpoint == "127.0.0.1:0"
    assert {"SIGINT", "SIGTERM", "SIGUSR1"} <= set(config.signals_to_handle.split(","))


def both(*starts: Start) -> Start:
    def run(config: LaunchConfig, arguments: tuple[str, ...]) -> None:
        for start in starts:
            start(config, arguments)

    return run


def test_each_process_gets_its_part_of_the_cores_unless_the_user_decides(launch, monkeypatch):
    assert launch(succeeds)[0] == 0
    assert os.environ["OMP_NUM_THREADS"] == str(max(1, (os.cpu_count() or 1) // 2))
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    launch(succeeds)
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_a_dollar_sign_is_not_for_the_agent_to_replace(launch):
    _, seen = launch(succeeds, words=("run", "a", "${local_rank}"))
    assert seen == [("-m", "zoo", "run", "a", "$${local_rank}")]


def test_a_killed_process_is_reported_and_the_run_resumed(launch, capsys):
    code, seen = launch(fails(rank0=3, rank1=-9), fails(rank0=3, rank1=-9), succeeds, restarts=2)
    assert code == 0
    assert seen == [("-m", "zoo", "run", "a", "b", *more) for more in (["--overwrite"], ["--resume"], ["--resume"])]
    first, last, *_ = capsys.readouterr().err.splitlines()
    assert first == "zoo: process 1 of 2 was killed by signal 9; continuing from the last checkpoint (1 of 2)"
    assert last == "Its last lines:"
    assert not RUN.parent.exists()  # of a run that never began


def test_a_run_that_has_begun_keeps_the_output_of_its_processes(launch, capsys):
    assert launch(both(begins, fails(rank1=1)))[0] == 1
    (kept,) = RUN.glob("logs/*/*")
    assert kept.read_text() == "its last line\n"
    assert capsys.readouterr().err == (
        f"zoo: process 1 of 2 ended with 1. Resume with: zoo run --resume {RUN} --nproc 2\n"
        f"The last lines of {kept}:\nits last line\n"
    )


def test_a_run_that_is_refused_keeps_its_folder_as_it_was(launch):
    begins(*(None,) * 2)  # type: ignore[arg-type]
    os.utime(RUN / "job.yaml", (1, 1))
    assert launch(fails(rank0=2, rank1=3))[0] == 2
    assert [path.name for path in RUN.parent.rglob("*")] == ["two", "job.yaml"]


@pytest.mark.parametrize(("codes", "code"), [({"rank0": 2}, 2), ({"rank0": 130, "rank1": 130}, 130)])
def test_an_invalid_request_and_an_interruption_are_not_repeated(launch, capsys, codes: dict[str, int], code: int):
    assert launch(fails(**codes), restarts=2)[0] == code
    assert capsys.readouterr().err == ""  # the first process has printed its message


@pytest.mark.parametrize(("codes", "code"), [({"rank0": 1}, 1), ({"rank0": 3}, 1), ({"rank1": 2}, 1)])
def test_the_exit_code_is_the_first_process_s_or_1(launch, codes: dict[str, int], code: int):
    assert launch(fails(**codes))[0] == code


def signalled(config: LaunchConfig, arguments: tuple[str, ...]) -> None:
    raise SignalException("", 15)  # type: ignore[arg-type]


def completes(config: LaunchConfig, arguments: tuple[str, ...]) -> None:
    begins(config, arguments)
    (RUN / "result.json").write_text('{"status": "completed"}')


def test_a_signal_ends_the_run_with_130_unless_it_was_complete(launch):
    assert launch(both(begins, signalled), restarts=2)[0] == 130
    (RUN / "job.yaml").unlink()
    RUN.rmdir()
    assert launch(both(completes, signalled))[0] == 0
