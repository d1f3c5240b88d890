"""Requests that can't be met end in bounded time with one paragraph; listings import neither Ray nor torch."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

RUN = ("ray", "run", "simple_cnn", "digits", "--epochs", "1", "--image-size", "8")


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The message of a refused command."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("zoo: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_ray_that_is_not_installed_is_named_with_the_command(typed: Any, work: Path, tmp_path: Path):
    (tmp_path / "ray.py").write_text("raise ModuleNotFoundError(\"No module named 'ray'\", name='ray')\n")
    first = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
    code = f"{first}; from zoo.__main__ import main; sys.exit(main(sys.argv[1:]))"
    done = typed(*RUN, python=("-c", code))
    assert "ray is not installed. Type: pip install 'ray[data,train,tune]'" in refused(done)
    assert not (work / "runs" / "r").exists()


def test_an_address_where_nothing_listens_is_refused_at_once(typed: Any):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun = time.monotonic()
    text = refused(typed(*RUN, "--address", f"127.0.0.1:{port}"))
    assert time.monotonic() - begun < 60
    assert f"There is no Ray cluster at '127.0.0.1:{port}': " in text
    assert "Start a cluster with ray start --head and give the address that it prints" in text


def test_a_job_or_a_name_that_is_wrong_is_refused_before_ray_starts(typed: Any, work: Path):
    assert "Did you mean 'simple_cnn'" in refused(typed("ray", "run", "simple_cn", "digits"))
    (work / "runs" / "taken").mkdir(parents=True)
    assert "The run 'taken' exists in runs." in refused(typed(*RUN, "--name", "taken"))
    assert "--resume needs a run: zoo ray run --resume RUN" in refused(typed("ray", "run", "--resume"))
    assert "A worker needs a CPU or a GPU." in refused(typed(*RUN, "--cpus-per-worker", "0"))


def test_workers_that_do_not_fit_are_refused_with_what_does(cluster: Any, typed: Any, work: Path):
    text = refused(typed(*RUN, "--workers", "3", "--address", cluster.address, "--name", "large"))
    assert (
        "The Ray cluster has no room for 3 workers with 1 CPU each: it has 2 nodes with 2 CPUs, 0 GPUs in all" in text
    )
    assert "Type --workers 2, --cpus-per-worker 0.5, or --wait 10m for a cluster that grows" in text
    gpus = refused(typed(*RUN, "--gpus-per-worker", "1", "--address", cluster.address, "--wait", "1s"))
    assert "The Ray cluster after 1 s has no room for a worker with 1 CPU and 1 GPU" in gpus
    assert not (work / "runs" / "large").exists()


HOLD = """
import sys, time, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")

@ray.remote(num_cpus=1)
class Busy:
    def ready(self):
        return True

held = [Busy.remote() for _ in range(2)]
ray.get([each.ready.remote() for each in held])
print("held", flush=True)
time.sleep(600)
"""


def test_a_busy_cluster_is_not_waited_for_without_end(cluster: Any, typed: Any, variables: dict[str, str]):
    command = [sys.executable, "-c", HOLD, cluster.address]
    busy = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)
    try:
        assert busy.stdout is not None
        assert busy.stdout.readline() == "held\n"
        done = typed(*RUN, "--address", cluster.address, "--wait", "2s", "--name", "waiting")
    finally:
        busy.kill()
        busy.wait()
    assert done.returncode == 2, done.stdout + done.stderr
    assert "The workers did not start in time: other jobs use the Ray cluster's CPUs or GPUs" in done.stderr
    assert "Resume" not in done.stderr


def test_listings_and_help_import_neither_ray_nor_torch(variables: dict[str, str], work: Path):
    code = (
        "import sys; from zoo.__main__ import main; main(sys.argv[1:]); "
        "print([m for m in ('ray', 'torch', 'numpy', 'optuna') if m in sys.modules], file=sys.stderr)"
    )
    for words in (("list", "sweep_engines", "--json"), ("ray", "run", "--help"), ("--help",)):
        command = [sys.executable, "-c", code, *words]
        done = subprocess.run(command, cwd=work, env=variables, capture_output=True, text=True, check=True)
        assert done.stderr == "[]\n", (words, done.stderr)
        if "--json" in words:
            assert {row["id"] for row in json.loads(done.stdout)} == {"ray/ray", "search/local"}


def test_the_plugin_passes_its_checks(typed: Any):
    pytest.importorskip("ray")
    said = typed("plugins", "check", "ray")
    assert said.returncode == 0, said.stdout + said.stderr
    assert " failed" not in said.stdout
