"""What ``zoo doctor`` looks at: each check, with real files and with what libraries answer."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from zoo_doctor import device, folders, libraries, machine, settings, shell
from zoo_doctor.examine import examine
from zoo_doctor.finding import Diagnosis, Examination, private, secretive
from zoo_doctor.probe import Probe

HEALTHY = {"torch": None, "torchvision": None}


def worst(findings) -> Diagnosis:
    found = list(findings)
    return min(found, key=lambda f: ("wrong", "warning", "ok").index(f.state))


def commands(finding: Diagnosis) -> str:
    return "\n".join(command for _, command in finding.remedies)


# -- what is told ------------------------------------------------------------------------------------------------


def test_a_look_that_fails_is_a_finding_and_what_it_saw_before_stays():
    def look():
        yield Diagnosis("Machine", "one", "ok", "seen")
        raise RuntimeError("no such register")

    first, second = Examination("Machine", "two", look).findings()
    assert first.text == "seen"
    assert second.state == "warning"
    assert "no such register" in second.text
    assert "zoo doctor --json" in commands(second)


def test_nothing_private_is_told(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada.l")
    assert private("in /home/ada.l/runs and /home/ada.lovelace") == "in ~/runs and /home/ada.lovelace"
    assert private("A=/x:/home/ada.l:/y") == "A=/x:~:/y"
    assert private("https://ada:secret@proxy:80/") == "https://…@proxy:80/"
    assert "abcdefgh" not in private("token hf_abcdefghijkl")
    assert all(map(secretive, ("HF_TOKEN", "ZOO_API_KEY", "ZOO_PASSWORD", "HF_HUB_TOKEN")))
    assert not any(map(secretive, ("ZOO_KEEP_MEMORY", "KERAS_BACKEND", "HF_HOME")))
    monkeypatch.setenv("HOME", "/")
    assert private("/usr/lib") == "/usr/lib"


@pytest.mark.slow
def test_all_of_it_is_looked_at():
    found = examine()
    assert [f for f in found if f.state == "wrong"] == []
    assert [f.group for f in found] == sorted((f.group for f in found), key=[f.group for f in found].index)
    assert {f.group for f in found} == {"Software", "Machine", "Folders", "Settings", "Plugins", "Shell"}
    topics = [f.topic for f in found]
    for topic in ("python", "zoo", "torch", "torchvision", "timm", "[export]", "capacity", "cpu", "cache", "disk"):
        assert topic in topics
    assert not any("This check failed" in f.text for f in found)


# -- torch and torchvision -----------------------------------------------------------------------------------------


def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, source: str, limit_s: float = 60) -> dict:
    """What the probe says where a package of ours comes first on the path."""
    (tmp_path / "site" / package).mkdir(parents=True)
    (tmp_path / "site" / package / "__init__.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")]))
    return Probe(limit_s).answer()


def test_a_torchvision_that_does_not_load(tmp_path, monkeypatch):
    source = 'raise RuntimeError("operator torchvision::nms does not exist")'
    found = worst(libraries.torch_pair(answer(tmp_path, monkeypatch, "torchvision", source)))
    assert (found.topic, found.state) == ("torchvision", "wrong")
    assert "operator torchvision::nms does not exist" in found.text
    assert "install --force-reinstall torch==2." in commands(found)
    assert "torchvision==0." in commands(found)


@pytest.mark.slow
def test_a_torchvision_of_another_torch(tmp_path, monkeypatch):
    """As the real one is: its compiled part is missing, but listed in its registrations then fail."""
    package = tmp_path / "site" / "torchvision"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from . import extension, _meta_registrations")
    (package / "extension.py").write_text("")
    (package / "_meta_registrations.py").write_text(
        "import torch\n@torch.library.register_fake('torchvision::nms')\ndef nms(*words): pass\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")]))
    found = worst(libraries.torch_pair(Probe().answer()))
    assert (found.topic, found.state) == ("torchvision", "wrong")
    assert "nms" in found.text


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("raise ImportError('libcudart.so.12: cannot open shared object file')", "libcudart.so.12"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "SIGILL"),
        ("import os; os._exit(7)", "exit code 7"),
    ],
)
def test_a_torch_that_does_not_load(tmp_path, monkeypatch, source, says):
    found = worst(libraries.torch_pair(answer(tmp_path, monkeypatch, "torch", source)))
    assert (found.topic, found.state) == ("torch", "wrong")
    assert says in found.text
    assert "--force-reinstall torch==" in commands(found)


def test_a_torch_that_never_comes_up(tmp_path, monkeypatch):
    found = worst(libraries.torch_pair(answer(tmp_path, monkeypatch, "torch", "import time; time.sleep(60)", 0.5)))
    assert "did not finish in" in found.text


@pytest.mark.parametrize(
    ("versions", "says"),
    [
        ({"torch": "2.14.1", "torchvision": "0.25.0"}, "needs torchvision 0.29"),
        ({"torch": "2.14.1", "torchvision": "0.2.9"}, "needs torchvision 0.29"),
        ({"torch": "2.14.1+cpu", "torchvision": "0.29.1+cu130"}, "built for cpu, but torchvision for cu130"),
    ],
)
def test_versions_that_are_no_pair(versions, says):
    found = worst(libraries.torch_pair({**HEALTHY, "versions": versions}))
    assert (found.topic, found.state) == ("torchvision", "warning")
    assert says in found.text
    assert "torch==2.14.1 'torchvision==0.29.*'" in commands(found)


@pytest.mark.parametrize("versions", [{"torch": "2.14.1+cpu", "torchvision": "0.29.0+cpu"}, {"torch": "3.0.0"}])
def test_versions_that_are_a_pair(versions):
    assert worst(libraries.torch_pair({**HEALTHY, "versions": versions})).state == "ok"


# -- the device ------------------------------------------------------------------------------------------------------

GPU = {"name": "NVIDIA H100", "capability": [9, 0], "memory_mib": 81920, "free_mib": 80000, "error": None}


def test_a_gpu_that_works():
    found = worst(device.accelerators({"cuda": {"built": "13.0", "devices": [GPU], "error": None}}))
    assert found.state == "ok"
    assert "NVIDIA H100, 80 GiB, compute capability 9.0, CUDA 13.0; 78 GiB free" in found.text


def test_a_gpu_that_this_torch_is_not_compiled_for():
    gpu = {**GPU, "capability": [6, 1], "error": "no kernel image is available"}
    found = worst(device.accelerators({"cuda": {"built": "13.0", "devices": [gpu], "archs": ["sm_75", "sm_90"]}}))
    assert found.state == "wrong"
    assert "is available. This torch is built for sm_75, sm_90." in found.text


def test_a_gpu_that_is_full():
    found = worst(device.accelerators({"cuda": {"built": "13.0", "devices": [{**GPU, "free_mib": 300}]}}))
    assert found.state == "warning"
    assert "nvidia-smi" in commands(found)


def test_a_driver_without_a_device(tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    none = {"built": "13.0", "devices": [], "error": "driver too old"}
    assert worst(device.accelerators({"cuda": none})).state == "wrong"
    cpu_only = worst(device.accelerators({"cuda": {**none, "built": None}}))
    assert cpu_only.state == "warning"
    assert "CPU only" in cpu_only.text
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert commands(worst(device.accelerators({"cuda": none}))) == "unset CUDA_VISIBLE_DEVICES"


def test_more_threads_than_processors():
    found = worst(device.cpu({"cpu": {"threads": 4096, "vectors": "AVX2", "bf16": False}}))
    assert found.state == "warning"
    assert f"export OMP_NUM_THREADS={machine.processors()}" in commands(found)
    assert worst(device.cpu({"cpu": {"threads": 1, "vectors": "DEFAULT", "bf16": False}})).state == "warning"


# -- the machine ------------------------------------------------------------------------------------------------------


def test_limits_of_a_container(tmp_path):
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "memory.max").write_text("1073741824\n")
    assert machine.cpu_quota(tmp_path) == 1.5
    assert machine.processors(tmp_path) <= 2
    assert machine.memory_limit(tmp_path) == 1 << 30
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.cpu_quota(tmp_path) is None
    assert machine.memory_limit(tmp_path) is None


def test_limits_of_an_older_container(tmp_path):
    for name, text in {"cpu.cfs_quota_us": "200000", "cpu.cfs_period_us": "100000"}.items():
        (tmp_path / "cpu").mkdir(exist_ok=True)
        (tmp_path / "cpu" / name).write_text(f"{text}\n")
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert machine.cpu_quota(tmp_path) == 2
    assert machine.memory_limit(tmp_path) is None


def test_few_open_files():
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, before[1]))
    try:
        found = worst(machine.open_files())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert found.state == "warning"
    assert commands(found) == "ulimit -n 4096"


# -- folders --------------------------------------------------------------------------------------------------------


def test_a_cache_that_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file" / "cache"))
    found = worst(folders.cache())
    assert found.state == "wrong"
    assert f"{tmp_path / 'file'} is not a folder" in found.text
    assert "export ZOO_CACHE=" in commands(found)


def test_a_cache_that_is_not_there_yet_is_not_made(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "one" / "two"))
    assert worst(folders.cache()).state == "ok"
    assert not (tmp_path / "one").exists()


def test_runs_that_can_go_on():
    from zoo.storage.lock import take

    locks = []
    for name, status in (("a", "interrupted"), ("b", "completed"), ("c", None), ("d", None)):
        folder = Path("runs") / name
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "checkpoints" / "index.json").write_text("[]")
        (folder / "job.yaml").write_text("")
        if status:
            (folder / "result.json").write_text(f'{{"schema": 1, "status": "{status}"}}')
        if name == "d":
            locks.append(take(folder / ".lock"))
    found = worst(folders.runs())
    for lock in locks:
        lock.release()
    assert found.text == "4 runs in runs/, 1 in training, 2 unfinished, can be resumed"
    assert commands(found) == "zoo run --resume runs/a\nzoo run --resume runs/c"


# -- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("version: 1\nalias: {}\n", 2, "unknown section 'alias'"),
        ("version: 1\naliases:\n  architectur: {a: b}\n", 3, "Did you mean 'architecture'?"),
        ("# mine\ncomponents:\n  loss:\n    one: {target: 'a:b'}\n    two: {bass: focal}\n", 5, "'bass'"),
        ("version: 1\nplugins: {disable: [a}\n", 2, "can't be read as YAML"),
        ("version: 7\n", 1, "version 7"),
        ("recipes:\n  a+b: {loss: focal}\n  c+d: [1]\n", 3, "c+d"),
    ],
)
def test_a_wrong_line_of_registry_yaml(text, line, says):
    Path("registry.yaml").write_text(text)
    found = worst(settings.registries())
    if found.state == "ok":  # kinds are known once the plugins that may declare them have been loaded
        found = worst(each for each in settings.plugins() if each.group == settings.GROUP)
    assert found.state == "wrong"
    assert f"registry.yaml, line {line}:" in found.text
    assert says in found.text
    assert commands(found) == f"${{EDITOR:-vi}} +{line} registry.yaml"


def test_a_local_component_without_its_file():
    Path("registry.yaml").write_text("components:\n  loss:\n    mine: {target: './gone.py:Mine'}\n")
    found = worst(settings.registries())
    assert found.state == "warning"
    assert "line 3" in found.text
    assert "no file ./gone.py" in found.text


@pytest.mark.parametrize(
    ("name", "value", "state", "says"),
    [
        ("ZOO_CASHE", "/x", "warning", "ZOO_CACHE"),
        ("OMP_NUM_THREADS", "two", "wrong", "unset OMP_NUM_THREADS"),
        ("OMP_NUM_THREADS", "4,2", "ok", ""),
        ("ZOO_HOOK_PATIENCE_S", "0", "wrong", "unset ZOO_HOOK_PATIENCE_S"),
    ],
)
def test_variables(monkeypatch, name, value, state, says):
    monkeypatch.setenv(name, value)
    found = worst(settings.variables())
    assert found.state == state
    assert says in commands(found)


def test_no_secret_is_shown(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijklmn")
    monkeypatch.setenv("HF_ENDPOINT", "https://me:word@mirror")
    monkeypatch.setenv("https_proxy", "http://me:word@proxy:3128")
    text = " ".join(f.text for look in (settings.variables, settings.network) for f in look())
    assert "HF_TOKEN=(set)" in text
    assert "abcdefgh" not in text
    assert "word" not in text
    assert "proxy:3128" in text or "ZOO_OFFLINE" in text


def test_certificates_that_are_not_there(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/gone.pem")
    assert commands(worst(settings.network())) == "unset SSL_CERT_FILE"


# -- the shell --------------------------------------------------------------------------------------------------------


def test_another_zoo_on_the_path(tmp_path, monkeypatch):
    (tmp_path / "zoo").write_text("#!/usr/bin/python3\n")
    (tmp_path / "zoo").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = worst(shell.path())
    assert found.state == "warning"
    assert f"Another zoo is first on PATH: {tmp_path / 'zoo'}" in found.text
    assert str(Path(sys.executable).parent) in commands(found)
    (tmp_path / "zoo").write_text(f"#!{sys.executable}\n")
    assert worst(shell.path()).state == "ok", "as pipx links it"
    (tmp_path / "zoo").unlink()
    assert worst(shell.path()).state == "warning"


def test_a_narrow_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert worst(shell.terminal()).state == "warning"
