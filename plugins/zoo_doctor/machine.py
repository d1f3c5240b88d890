"""Checks of the machine: processors, memory, and the limits of containers and login sessions."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

from zoo_doctor.finding import Diagnosis

GROUP = "Machine"
_GIB = 1 << 30
_LEAST_MEMORY = 2 * _GIB
_LEAST_SHARED = _GIB // 4
_LEAST_FILES = 1024
_GROUPS = Path("/sys/fs/cgroup")


def processors(groups: Path = _GROUPS) -> int:
    """Number of processors available to this process, by its affinity and its cgroup's quota; at least 1."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota(groups)
    return mine if quota is None else max(1, min(mine, math.ceil(quota)))


def cpu_quota(groups: Path = _GROUPS) -> float | None:
    """CPU quota of the cgroup in processors; None without a limit."""
    quotas = []
    for folder in _folders(groups, "cpu"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            if (folder / "cpu.max").is_file():
                quota, period = (folder / "cpu.max").read_text("utf-8").split()[:2]
            else:
                quota = (folder / "cpu.cfs_quota_us").read_text("utf-8").strip()
                period = (folder / "cpu.cfs_period_us").read_text("utf-8").strip()
            if quota != "max" and int(quota) > 0:
                quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_limit(groups: Path = _GROUPS) -> int | None:
    """Memory limit of the cgroup in bytes; None without a limit."""
    limits = []
    for folder in _folders(groups, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            with contextlib.suppress(OSError, ValueError):  # "max" means no limit
                limits.append(int((folder / name).read_text("utf-8")))
    return min((limit for limit in limits if limit < 1 << 60), default=None)


def _folders(groups: Path, controller: str) -> Iterator[Path]:
    """Folders of this process's cgroup and its parents, for cgroup v1 and v2."""
    lines = []
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
    for line in lines:
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0" or controller in names.split(","):
            top = groups if number == "0" else groups / controller
            inner = top / path.strip("/")
            yield from (folder for folder in (inner, *inner.parents) if folder.is_relative_to(top))
    yield from (groups, groups / controller)


def capacity() -> Iterator[Diagnosis]:
    """Check the processors and the memory available to this process."""
    every, mine, quota = os.cpu_count() or 1, processors(), cpu_quota()
    text = f"{mine} of {every} processors" if mine != every else f"{every} processors"
    if quota is not None:
        text = f"{text} (the control group allows {quota:g})"
    memory, limit = _memory(), memory_limit()
    usable = min((m for m in (memory, limit) if m is not None), default=None)
    if memory is not None:
        text = f"{text}, {memory / _GIB:.0f} GiB of memory"
    if limit is not None and (memory is None or limit < memory):
        text = f"{text}, limited to {limit / _GIB:.1f} GiB"
    if usable is not None and usable < _LEAST_MEMORY:
        remedies = (("use smaller batches", "zoo run ARCHITECTURE DATASET --batch-size auto"),)
        yield Diagnosis(GROUP, "capacity", "warning", f"{text}, which is little for training.", remedies)
    else:
        yield Diagnosis(GROUP, "capacity", "ok", text)


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def shared_memory(folder: Path = Path("/dev/shm")) -> Iterator[Diagnosis]:
    """Check the size of the shared memory that processes on one machine communicate through."""
    import shutil

    if not folder.is_dir():
        return
    size = shutil.disk_usage(folder).total
    text = f"{folder} holds {size / _GIB:.1f} GiB"
    if size < _LEAST_SHARED:
        remedies = (("start the container with", "docker run --shm-size=2g …"),)
        text = f"{text}; --nproc on several GPUs and plugins with worker processes may need more."
        yield Diagnosis(GROUP, "shared memory", "warning", text, remedies)
    else:
        yield Diagnosis(GROUP, "shared memory", "ok", text)


def open_files() -> Iterator[Diagnosis]:
    """Check the limit on open files of this process."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= _LEAST_FILES:
        yield Diagnosis(GROUP, "open files", "ok", f"{'any number' if soft < 0 else f'{soft:,}'} may be open")
        return
    most = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    text = f"Only {soft:,} files may be open; many shards or processes may need more."
    yield Diagnosis(GROUP, "open files", "warning", text, (("in this shell", f"ulimit -n {most}"),))


def clock() -> Iterator[Diagnosis]:
    """Check for a clock that is behind the modification times of the zoo's files, as caches depend on it."""
    newest = Path(__file__).stat().st_mtime
    if time.time() < newest - 86400:
        text = f"The clock says {time.strftime('%Y-%m-%d')}, before the files of the zoo were written."
        yield Diagnosis(GROUP, "clock", "warning", text, (("synchronise it", "sudo timedatectl set-ntp true"),))
        return
    yield Diagnosis(GROUP, "clock", "ok", time.strftime("%Y-%m-%d %H:%M %z"))
