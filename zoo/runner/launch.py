"""``zoo run --nproc``: run a job in several processes of this machine with torch's elastic launcher."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import count as count_from
from pathlib import Path

from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import elastic_launch

from zoo.errors import Interrupted, PeerLost, RequestError
from zoo.runner.culprit import culprit
from zoo.runner.rank_logs import RankLogs, elastic_config


def launch(words: Sequence[str], count: int, restarts: int, folder: Path) -> int:
    """Run ``zoo WORDS`` in ``count`` processes; when one fails, resume the run up to ``restarts`` times.

    The agent's own restarts would repeat invalid requests and interruptions, too, and hide the cause.

    Returns:
        The exit code: 0, the first process's own, 130 for an interruption, or 1 where another process failed.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    for attempt in count_from(1):
        with RankLogs(folder) as logs:
            try:
                return _attempt(words, count, logs)
            except ChildFailedError as error:
                codes = {rank: failure.exitcode for rank, failure in error.failures.items()}
                rank, how = culprit(codes, {rank: failure.timestamp for rank, failure in error.failures.items()})
            again = attempt <= restarts and codes[rank] not in (RequestError.exit_code, Interrupted.exit_code)
            if rank == 0 and codes[0] > 0 and not again:  # its own error message is printed already
                return 1 if codes[0] == PeerLost.exit_code else codes[0]
            resume = f". Resume with: zoo run --resume {folder} --nproc {count}"
            more = f"; continuing from the last checkpoint ({attempt} of {restarts})" if again else resume
            logs.report(f"process {rank} of {count} {how}{more}", rank)
        if not again:
            break
        words = [word for word in words if word != "--overwrite"] + ["--resume"] * ("--resume" not in words)
    return 1


def _attempt(words: Sequence[str], count: int, logs: RankLogs) -> int:
    arguments = [word.replace("$", "$$") for word in words]  # the agent substitutes ${local_rank}
    try:
        elastic_launch(elastic_config(count, logs), sys.executable)("-m", "zoo", *arguments)
    except SignalException:
        return 0 if logs.completed() else Interrupted.exit_code
    return 0
