"""Settings of torch's elastic launcher, and the files that the launched processes write their output to."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sys
import time
from collections import deque
from pathlib import Path
from types import TracebackType

from torch.distributed.elastic.multiprocessing import LogsDest, LogsSpecs
from torch.distributed.launcher.api import LaunchConfig

from zoo.job.run_folder import JOB, RESULT
from zoo.runner.folder import LOGS, keep_logs, logs_beside
from zoo.storage.files import cannot_write, read_json_mapping

_LAST_LINES = 20
_SIGNALS = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP")


def elastic_config(count: int, logs: RankLogs) -> LaunchConfig:
    """Configure the launcher for ``count`` processes of this machine, which meet at a free port."""
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "600")  # s to save the state after a signal; torch >= 2.12
    logger = logging.getLogger("torch.distributed.elastic")  # it reports the signals that it sends
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        logs_specs=logs,
        run_id=logs.folder.name,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        max_restarts=0,
        signals_to_handle=",".join(name for name in _SIGNALS if hasattr(signal, name)),
    )


class RankLogs(LogsSpecs):
    """Files with stdout and stderr of every process but the first one, whose output is the terminal.

    They are beside the run's folder until the run begins, since a refused run leaves no folder behind.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path):
        self.folder, self.started = folder, 0.0
        self.place = logs_beside(folder) / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        self._new_out = not folder.parent.exists()
        super().__init__(str(self.place))

    @property
    def root_log_dir(self) -> str:
        """Folder of the files, for torch's own log."""
        return str(self.place)

    def reify(self, envs: dict[int, dict[str, str]]) -> LogsDest:
        """Return the file of each stream of each process; an empty name is the terminal."""
        out, err = (
            {rank: str(self.place / f"rank{rank}.{stream}.log") if rank else "" for rank in envs}
            for stream in ("stdout", "stderr")
        )
        return LogsDest(out, err, error_files=dict.fromkeys(envs, os.devnull))

    def __enter__(self) -> RankLogs:
        try:
            self.place.mkdir(parents=True)
            self.started = self.place.stat().st_mtime  # by the clock of the disk, as for the files of the run
        except OSError as error:
            raise cannot_write(self.folder.parent, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove empty files, and everything where no run began."""
        kept = self._keep()
        for file in kept.glob("*.log"):
            if not file.stat().st_size:
                file.unlink()
        shutil.rmtree(self.place, ignore_errors=True)
        out = [self.folder.parent] * self._new_out
        for folder in (kept, kept.parent, self.place.parent, *out):
            with contextlib.suppress(OSError):  # not empty, or not there
                folder.rmdir()

    def _keep(self) -> Path:
        """Return the folder of the files: in the run's folder, if the run began."""
        job = self.folder / JOB
        if job.is_file() and job.stat().st_mtime >= self.started:  # Windows moves no files in use
            keep_logs(self.folder)
        kept = self.folder / LOGS / self.place.name
        return kept if kept.is_dir() else self.place

    def completed(self) -> bool:
        """Check that the run has ended with a result since the start, in spite of a signal."""
        result = self.folder / RESULT
        if not result.is_file() or result.stat().st_mtime < self.started:
            return False
        return read_json_mapping(result).get("status") in ("completed", "stopped")

    def report(self, text: str, rank: int) -> None:
        """Print a message, and the last lines that the process with this rank has written to stderr."""
        sys.stderr.write(f"zoo: {text}\n")
        file = self._keep() / f"rank{rank}.stderr.log"
        if not file.is_file():
            return
        with file.open(encoding="utf-8", errors="replace") as lines:
            last = "".join(deque(lines, _LAST_LINES))
        where = f"The last lines of {file}" if file.is_relative_to(self.folder) else "Its last lines"
        sys.stderr.write(f"{where}:\n{last}" if last else "")
