"""Keep what the steps of run.sh found, prepare the machine, and print the table.

python tests/gpu/record.py prepare SITE | add STEP STATUS SECONDS LOG | table | json | page RESULTS.json [PAGE]
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(os.environ.get("OUT", Path(__file__).parent / "out")) / "results.jsonl"
BEGIN, END = "<!-- made from results.json of tests/gpu/run.sh -->", "<!-- end -->"
NEEDED = (
    *("torch", "torchvision", "numpy", "PIL", "timm", "pluggy", "rich", "yaml", "pydantic", "click", "torchmetrics"),
    *("safetensors", "platformdirs", "filelock", "packaging", "sklearn", "matplotlib", "scipy", "jinja2"),
    *("markupsafe", "huggingface_hub", "pytest", "pytest_timeout", "xdist", "hypothesis"),
)
OPTIONAL = ("onnx", "onnxruntime", "onnxscript", "triton")


def prepare(site: str) -> dict[str, Any]:
    """Write the metadata that an installation has, for the bundled plugins' entry points; say what is missing.

    Args:
        site: a folder on sys.path.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    version = re.findall(r'__version__ = "(.+)"', (ROOT / "zoo/version.py").read_text("utf-8"))[0]
    info = Path(site) / f"{project['name']}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    needs = "".join(f"Requires-Dist: {need}\n" for need in project["dependencies"])
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n"
    (info / "METADATA").write_text(head + needs, "utf-8")
    groups = {"console_scripts": project["scripts"], **project["entry-points"]}
    lines = (f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in named.items()) for group, named in groups.items())
    (info / "entry_points.txt").write_text("\n".join(lines), "utf-8")
    return {"versions": {name: version_of(name) for name in (*NEEDED, *OPTIONAL)}, "machine": machine()}


def version_of(name: str) -> str:
    """A module's version; the reason where it can't be imported."""
    try:
        return str(getattr(importlib.import_module(name), "__version__", "yes"))
    except Exception as error:  # a broken installation raises anything, and the others are to be listed too
        return f"MISSING ({type(error).__name__}: {str(error)[:80]})"


def machine() -> dict[str, Any]:
    """Python, processors, and what torch says of the GPU."""
    import torch

    found: dict[str, Any] = {"python": sys.version.split()[0], "cpus": os.cpu_count(), "torch": torch.__version__}
    if torch.cuda.is_available():
        gpu = torch.cuda.get_device_properties(0)
        found |= {"gpu": gpu.name, "gib": round(gpu.total_memory / 2**30, 1), "cuda": torch.version.cuda}
        found |= {"cudnn": torch.backends.cudnn.version(), "gpus": torch.cuda.device_count()}
    return found


def add(step: str, code: int, seconds: int, log: Path) -> None:
    """Append a step's result: the last line of its output where it is JSON, else the end of the output."""
    lines = log.read_text("utf-8", "replace").splitlines()
    status = {0: "ok", 124: "timed out", 137: "timed out"}.get(code, "failed")
    line: dict[str, Any] = {"step": step, "status": status, "exit": code, "seconds": seconds}
    found = next((text for text in reversed(lines) if text.startswith("{") and text.endswith("}")), None)
    if status == "ok" and found is not None:
        line |= json.loads(found)
    elif step.startswith("tests"):
        line["summary"] = next((text for text in reversed(lines) if re.search(r"\d (passed|failed|skipped)", text)), "")
        line["failed"] = [text for text in lines if text.startswith(("FAILED", "ERROR"))]
    else:
        line["end"] = lines[-12:]
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def table() -> None:
    """Print every step: how it ended, and its numbers."""
    for line in map(json.loads, RESULTS.read_text("utf-8").splitlines()):
        say(f"{line['step']:<16} {line['status']:<10} {line['seconds']:>4} s  {line.get('summary', '')}")
        for text in (*line.get("failed", ()), *line.get("end", ())):
            say(f"    {text[:180]}")
        for name, arm in line.get("arms", {}).items():
            memory = line["peak_mib"].get(name)
            say(f"    {name:<36} {arm['images_per_second']:>10,.0f} images/s{f'  {memory:,} MiB' if memory else ''}")
        for name, value in line.items():
            if " / " in name:
                say(f"    {name:<60} {value:.3f}")
            elif name in ("waits_for_the_device", "compile_s", "versions", "machine"):
                say(f"    {name}: {value}")
            elif isinstance(value, dict) and "epoch_s" in value:
                say(f"    {name}: " + ", ".join(f"{key} {found}" for key, found in value.items()))
            elif name == "benchmarks":
                train, inference = value[0]["train"], value[0]["inference"]
                say(f"    train {train['images_per_second']:,.0f} images/s, of ceiling {train['of_ceiling']:.2f}, "
                    f"of limit {train['of_limit']:.2f}, split {train['split_s']}")  # fmt: skip
                say(f"    inference {inference['images_per_second']:,.0f} images/s, memory "
                    f"{value[0]['peak_memory_mib']:,.0f} MiB, {value[0]['execution']}")  # fmt: skip


def as_json() -> None:
    """Write all steps into results.json beside the lines, one object by step."""
    steps = [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()]
    found = {line.pop("step"): line for line in steps}
    RESULTS.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def write_page(results: Path, page: Path = ROOT / "docs" / "results.md") -> None:
    """Replace the part of a page between its two marks by tables made from results.json."""
    before, _, rest = page.read_text("utf-8").partition(f"{BEGIN}\n")
    _, mark, after = rest.partition(END)
    if not mark:
        sys.exit(f"{page} has no lines {BEGIN} and {END}.")
    found = json.loads(results.read_text("utf-8"))
    page.write_text(f"{before}{BEGIN}\n{page_of(found)}{END}{after}", "utf-8")


def page_of(found: dict[str, Any]) -> str:
    """Return the tables of a page: the machine, the tests, rates, runs and the race."""
    here = found.get("machine", {}).get("machine", {})
    lines = [
        f"{here.get('gpu', 'no GPU')}, CUDA {here.get('cuda')}, torch {here.get('torch')}, {here.get('cpus')} cores.",
        "",
    ]
    lines += ["| step | ended | seconds | |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {name} | {step['status']} | {step['seconds']} | {step.get('summary', '').strip('= ')} |"
        for name, step in found.items()
    ]
    rates = [(name, arm, row) for name, step in found.items() for arm, row in step.get("arms", {}).items()]
    if rates:
        lines += ["", "| step | way | images/s, median | peak MiB |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {name} | {arm} | {row['images_per_second']:,.0f} | {found[name]['peak_mib'].get(arm, '')} |"
            for name, arm, row in rates
        ]
    runs = [(name, key, row) for name, step in found.items() for key, row in step.items() if "epoch_s" in _mapping(row)]
    if runs:
        lines += ["", "| step | run | s an epoch | s of training | accuracy |", "| --- | --- | --- | --- | --- |"]
        lines += [
            f"| {name} | {key} | {row['epoch_s']} | {row['train_s']} | {_accuracy(row)} |" for name, key, row in runs
        ]
    return "\n".join(lines) + "\n"


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _accuracy(row: dict[str, Any]) -> str:
    found = row["accuracy"] if "accuracy" in row else [row["val_accuracy"]]
    return ", ".join(f"{value:.4f}" for value in found)


def say(text: str) -> None:
    """A line of output."""
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        say(json.dumps(prepare(sys.argv[2])))
    elif sys.argv[1] == "add":
        add(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
    elif sys.argv[1] == "json":
        as_json()
    elif sys.argv[1] == "page":
        write_page(*map(Path, sys.argv[2:]))
    else:
        table()
