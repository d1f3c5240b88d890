"""What each part of the from-scratch recipe `simple_cnn+cats_dogs` brings: the recipe with one thing changed a row.

    python tests/benchmarks/ablation.py --epochs 40 --seeds 3 --data FOLDER [--rows "recipe,+ flips"] [--out DIR]

FOLDER has train/ and val/, each with a folder for each class. The network, the sizes of the pictures and whatever a
row doesn't name are the recipe's. Prints a line a run and, at the end, a table in Markdown: validation accuracy of the
best epoch, mean and spread over the seeds. A run that is whole in DIR is not done again, and one that was broken off
goes on where it was: type the same command again. A run of a recipe that has changed since is another run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import statistics
from pathlib import Path
from typing import Any

from zoo.registry.config import open_shelf

PAIR = "simple_cnn+cats_dogs"
RECIPE = open_shelf().recipes[PAIR]
AUGMENT: list[dict[str, Any]] = RECIPE["augment"]
SURE = {**RECIPE["loss"], "label_smoothing": 0.0}
# What a row changes of the recipe, dotted paths of the job, and what that is in words.
ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "no augmentation": ({"augment": []}, "pictures as they are"),
    "+ flips": ({"augment": ["flip"]}, "flips alone"),
    "+ crops": ({"augment": AUGMENT[:1]}, f"{AUGMENT[0]['name']} alone, which flips too"),
    "recipe": ({}, f"{' and '.join(item['name'] for item in AUGMENT)}; nothing is changed"),
    "+ mixup": ({"augment": [*AUGMENT, {"name": "mixup", "alpha": 0.2}]}, "and mixup, alpha 0.2"),
    "weight decay 0": ({"train.weight_decay": 0.0}, f"in place of {RECIPE['train']['weight_decay']}"),
    "no label smoothing": ({"loss": SURE}, f"in place of {RECIPE['loss']['label_smoothing']}"),
    "+ EMA": ({"train.ema_decay": 0.99}, "and a moving average of the weights, decay 0.99"),
    "+ plain last epochs": ({"train.plain_epochs": 5}, "the last 5 epochs without augmentation"),
    "adamw": ({"train.optimizer": "adamw", "train.lr": 3e-3}, f"3e-3, in place of {RECIPE['train']['optimizer']}"),
}


def arguments() -> argparse.Namespace:
    """The option."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--seeds", type=int, required=True, help="how many, from 0 on")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=rows_of, default=list(ROWS), help="names with commas between them; all")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--image-size", type=int, help="another than the recipe's, for a trial")
    return parser.parse_args()


def rows_of(text: str) -> list[str]:
    """The rows that a word names."""
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no row {unknown[0]!r}; there are: {', '.join(ROWS)}")
    return names


def run_name(row: str, seed: int, given: argparse.Namespace) -> str:
    """The folder's: of another length, size or recipe it is another run."""
    word = re.sub(r"\W+", "-", row.replace("+", "with")).strip("-").lower()
    said = json.dumps([RECIPE, settings(row, given)], sort_keys=True)
    return f"{word}-{given.epochs}-epochs-seed-{seed}-{hashlib.sha256(said.encode()).hexdigest()[:6]}"


def result_of(folder: Path) -> dict[str, Any] | None:
    """A whole run's result, if it lies there."""
    file = folder / "result.json"
    found = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return found if found.get("status") == "completed" else None


def settings(row: str, given: argparse.Namespace) -> dict[str, Any]:
    """What a row, and the words that were typed, say of the job."""
    size = given.image_size
    sized = {"train.image_size": size, "train.start_size": None} if size else {}
    changed = dict(ROWS[row][0])
    if "train.plain_epochs" in changed:
        changed["train.plain_epochs"] = min(changed["train.plain_epochs"], given.epochs)
    return {**sized, **changed}


def train(row: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """The run, as it was found or as it is done now."""
    import zoo
    from zoo.runner.observer import Observer

    name = run_name(row, seed, given)
    found = result_of(given.out / name)
    if found is not None:
        return found
    return zoo.run(
        "simple_cnn",
        "cats_dogs",
        data=given.data,
        recipe=PAIR,
        epochs=given.epochs,
        seed=seed,
        set=settings(row, given),
        out=given.out,
        name=name,
        resume=(given.out / name).exists(),
        observer=Observer(),
    )


def line(row: str, results: list[dict[str, Any]]) -> str:
    """A row of the table."""
    values = [result["metrics"]["val"]["accuracy"] for result in results]
    last = [result["epochs"][-1]["val"]["accuracy"] for result in results]
    seconds = [result["timing"]["total_s"] for result in results]
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    each = ", ".join(f"{value:.3f}" for value in values)
    return (
        f"| {row} | {ROWS[row][1]} | **{statistics.mean(values):.3f}**{spread} | {each} | "
        f"{statistics.mean(last):.3f} | {statistics.mean(seconds):.0f} |"
    )


def table(found: dict[str, list[dict[str, Any]]], given: argparse.Namespace) -> str:
    """All rows that have a run."""
    first = next(iter(found.values()))[0]
    counts, where = first["splits"], first["environment"]
    hardware = f"{where['cpus']} processors ({where['processor']}), {where['execution']}"
    photos = f"{counts['train']['images']} training and {counts['val']['images']} validation photos"
    head = [
        f"{given.epochs} epochs, {photos}, seeds 0 to {given.seeds - 1}; ± is the standard deviation over them. "
        f"{hardware}, torch {where['versions']['torch']}.",
        "",
        "| row | what it is | best epoch, mean | each seed | last epoch, mean | seconds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *(line(row, results) for row, results in found.items())])


def main() -> None:
    """Run what isn't there, and print."""
    given = arguments()
    found: dict[str, list[dict[str, Any]]] = {row: [] for row in given.rows}
    for seed in range(given.seeds):  # every row once before any has a second seed
        for row in given.rows:
            result = train(row, seed, given)
            found[row].append(result)
            accuracy, seconds = result["metrics"]["val"]["accuracy"], result["timing"]["total_s"]
            print(f"{row}, seed {seed}: {accuracy:.3f} in {seconds:.0f} s", flush=True)  # noqa: T201
    print("\n" + table(found, given))  # noqa: T201


if __name__ == "__main__":
    main()
