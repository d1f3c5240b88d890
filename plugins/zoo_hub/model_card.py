"""The model card: a shared model's README.md, from its zoo.json and its result document, for people and for the hub.

Nothing in it is new: every number is the result's, with the interval that the result has. Both documents must have been
made public before; what the result lacks is not there, or said to be unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from zoo.api.jobs import requirement_of
from zoo.reports.kit.results import calibration_words, diagnose, numbers_table, reading
from zoo.reports.kit.text import clean, component, count, duration, number, percent
from zoo.runs import RunResult, SkippedImage

__all__ = ["headline_metric", "write_model_card"]

LIBRARY = "visionzoo"
UNKNOWN_LICENSE = "unknown"
_CLASSES, _ROWS, _MATRIX = 30, 60, 12
"""How many classes are named, have a row, and have a confusion matrix, at the most."""
_TRAINING = ("loss", "augment", "recipe", "pretrained", "weights", "teacher", "seed", "precision", "tta")
_FROM_TRAIN = ("optimizer", "lr", "schedule", "weight_decay", "batch_size", "freeze", "class_weights", "ema_decay")
Document = Mapping[str, Any]


def write_model_card(
    card: Document, result: RunResult | None, *, name: str, license: str, address: str | None = None
) -> str:
    """The text of README.md.

    Args:
        card: the bundle's zoo.json.
        result: the run's result; None where it is lost.
        license: as the hub spells it, or ``unknown``.
        address: ``hf:owner/name``, where the model will be there.
    """
    found = result or RunResult()
    parts = [
        ("", _opening(card, found, name)),
        ("How to use it", _usage(card, name, address)),
        ("Data", _data(found)),
        ("How good it is", _scores(found)),
        ("How to read its confidence", _confidence(card, found)),
        ("Limits", _limits(found)),
        ("How it was trained", _training(card, found)),
        ("Licence", [_license(license)]),
    ]
    text = "".join(f"\n## {title}\n\n{body}" if title else body for title, body in _written(parts))
    return f"---\n{_front_matter(card, found, name, license)}\n---\n\n# {_md(name)}\n\n{text}"


def _written(parts: Iterable[tuple[str, Iterable[str]]]) -> Iterator[tuple[str, str]]:
    for title, lines in parts:
        body = "\n".join(lines).strip("\n")
        if body:
            yield title, f"{body}\n"


def headline_metric(result: RunResult | None) -> dict[str, Any] | None:
    """The number by which a model is told: the accuracy, of test images where there are any."""
    found = result or RunResult()
    split = _main(found)
    accuracy, ends = found.metrics_of(split).accuracy, reading.interval_of(found, split)
    if accuracy is None:
        return None
    return {
        "name": f"{split}/{reading.accuracy_name(found).replace(' ', '_')}",
        "value": accuracy,
        "interval": None if ends is None else list(ends),
        "images": reading.images_in(found, split),
    }


def _main(result: RunResult) -> str | None:
    return "test" if "test" in reading.scored_splits(result) else reading.main_split(result)


def _md(text: object) -> str:
    """Text as Markdown shows it, whatever is in it."""
    return re.sub(r"([\\`*_\[\]<>|#~&$])", r"\\\1", clean(text))


def _code(text: object) -> str:
    return f"`{clean(text).replace('`', chr(39)).replace('|', '¦')}`"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    body = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *body, ""] if body else []


def _front_matter(card: Document, result: RunResult, name: str, license: str) -> str:
    """The YAML that the hub reads, by its own library."""
    from huggingface_hub import EvalResult, ModelCardData

    metric, scores = headline_metric(result), None
    if metric is not None:
        dataset = _dataset(result, card)
        kind = "exact_match" if result.several_labels else "accuracy"
        words = f"{metric['name']}, 95% interval {_span(metric['interval'])}" if metric["interval"] else metric["name"]
        scores = [
            EvalResult(
                task_type="image-classification",
                dataset_type=dataset,
                dataset_name=_folder(result) or dataset.rpartition("/")[2],
                dataset_split=metric["name"].partition("/")[0],
                metric_type=kind,
                metric_name=words,
                metric_value=round(metric["value"], 6),
            )
        ]
    data = ModelCardData(
        license=license,
        library_name=LIBRARY,
        pipeline_tag="image-classification",
        tags=[LIBRARY, "image-classification", clean(card["architecture"]["id"]).replace("/", "-")],
        metrics=["accuracy"] if scores else None,
        model_name=name,
        eval_results=scores,
    )
    return str(data.to_yaml()).strip()


def _dataset(result: RunResult, card: Document) -> str:
    recorded = ((card.get("provenance") or {}).get("dataset") or {}).get("id")
    return clean(recorded or component(result.job.dataset.document()) or "unknown")


def _folder(result: RunResult) -> str:
    """The last name of the dataset's folder; empty where it has none."""
    return clean(result.job.data_folder)


def _opening(card: Document, result: RunResult, name: str) -> Iterable[str]:
    classes = list(map(str, card["classes"]))
    what = "which of these labels an image has" if card.get("task") == "multi-label" else "which of these an image is"
    shown = ", ".join(map(_code, classes[:_CLASSES]))
    more = f" … and {len(classes) - _CLASSES:,} more" if len(classes) > _CLASSES else ""
    shape = card["preprocessing"]
    yield f"An image classifier that says {what}: {shown}{more}."
    yield ""
    yield from _table(
        ("", ""),
        [
            ("network", f"{_code(card['architecture']['id'])}, {count(card.get('parameters'))} parameters"),
            ("classes", f"{len(classes):,}"),
            ("input", f"{shape['image_size']} × {shape['image_size']} px, {_channels(shape['in_chans'])}"),
            ("trained on", _md(", ".join(filter(None, (_dataset(result, card), _folder(result)))))),
            *([("measured", _measured(result))] if headline_metric(result) else []),
        ],
    )
    if reading.is_drawn(result):
        yield "> **It was trained on drawings, not on photos: its numbers say nothing about photos.**"


def _channels(count: int) -> str:
    return {1: "grey", 3: "RGB"}.get(count, f"{count} channels")


def _measured(result: RunResult) -> str:
    metric = headline_metric(result)
    assert metric is not None, "asked only where there is one"
    words = f"{metric['name'].replace('_', ' ')} {percent(metric['value'])}"
    span = f" (95% interval {_span(metric['interval'])})" if metric["interval"] else ""
    return f"{words}{span} on {count(metric['images'])} images"


def _span(ends: Sequence[float]) -> str:
    return f"{percent(ends[0]).removesuffix('%')}–{percent(ends[1])}"


def _usage(card: Document, name: str, address: str | None) -> Iterable[str]:
    where = address or f"models/{name}"
    yield "```"
    yield f"pip install {LIBRARY}"
    yield from _plugin(card)
    if address is None:
        yield "zoo models pull THIS_FOLDER"
    yield f"zoo predict {where} photo.jpg"
    yield "```"
    yield ""
    yield "or from Python:"
    yield ""
    yield "```python"
    yield "import zoo"
    yield ""
    yield f'model = zoo.load("{where}")'
    yield 'print(model.predict("photo.jpg"))'
    yield "```"
    yield ""
    yield from _not_by_name(card)
    yield "Weights are safetensors and the rest is JSON: nothing in it can run code when it is loaded."


def _plugin(card: Document) -> Iterable[str]:
    origin = card["architecture"]
    wanted = requirement_of(origin.get("distribution"), origin.get("version"))
    if wanted is not None and origin["distribution"] != LIBRARY:
        yield f"zoo plugins install {wanted}"


def _not_by_name(card: Document) -> Iterable[str]:
    """For a network that no plugin brings."""
    owner, target = str(card["architecture"]["id"]).partition("/")[0], card["architecture"].get("target")
    if card["architecture"].get("distribution") is None:
        how = f"zoo.load({'…'!r}, architecture=…)" if owner == "python" else "a registry.yaml that names it"
        yield f"**Its network is in no plugin**: {_code(target)} is needed as well, and `{how}`."
        yield ""


def _data(result: RunResult) -> Iterable[str]:
    splits = result.splits
    if not splits:
        yield "Its result document was not there when it was shared, so nothing is known of its data."
        return
    sources = list(dict.fromkeys(split.source for split in splits.values() if split.source))
    yield from (f"Images: {_md(source)}." for source in sources)
    yield ""
    yield from _table(
        ("split", "images", "left out", "fingerprint"),
        [
            (name, count(split.images), _left_out(split.skipped), _code(str(split.fingerprint)[:16]))
            for name, split in splits.items()
        ],
    )
    yield from _notices(result)


def _left_out(skipped: Sequence[SkippedImage]) -> str:
    reasons = list(dict.fromkeys(_md(item.reason) for item in skipped))
    return f"{len(skipped):,} ({'; '.join(reasons[:3])})" if skipped else "0"


def _notices(result: RunResult) -> Iterable[str]:
    """What was said when it was trained; which files could not be read is their owner's."""
    for notice in result.notices:
        if "could not be decoded" not in notice:
            yield f"- {_md(notice)}"


def _scores(result: RunResult) -> Iterable[str]:
    for split in reading.scored_splits(result):
        metrics = result.metrics_of(split)
        rows = numbers_table(result, split)
        yield f"On {count(reading.images_in(result, split))} {_md(split)} images:"
        yield ""
        yield from _table(
            ("", "value", "95% interval", "always one answer"), [tuple(map(_md, row)) for row in rows]
        ) or _table(("", "value"), [(k, number(v)) for k, v in reading.extra_metrics(metrics).items()])
        yield from _per_class(result, split)
        yield from _matrix(result, split)


def _per_class(result: RunResult, split: str) -> Iterable[str]:
    every = reading.per_class(result, split)
    rows = every if len(every) <= _ROWS else reading.per_class(result, split, worst=_ROWS)
    if len(rows) < len(every):
        yield f"The {len(rows)} of {len(every):,} classes that it knows worst:"
        yield ""
    yield from _table(
        ("class", "precision", "recall", "F1", "images", "trained on"),
        [
            (
                _code(row.name),
                *(percent(score) for score in (row.scores.precision, row.scores.recall, row.scores.f1)),
                *(count(images) for images in (row.scores.support, row.trained)),
            )
            for row in rows
        ],
    )


def _matrix(result: RunResult, split: str) -> Iterable[str]:
    matrix, classes = reading.confusion_of(result, split), result.classes
    if not matrix or len(matrix) > _MATRIX:
        return
    yield "What each class is taken for, a row a true class:"
    yield ""
    head = ["", *map(_code, classes)]
    yield from _table(
        head, [(_code(name), *(f"{n:,}" for n in row)) for name, row in zip(classes, matrix, strict=False)]
    )


def _confidence(card: Document, result: RunResult) -> Iterable[str]:
    words = calibration_words(result.metrics_of(_main(result)).calibration)
    if words:
        yield f"- On {_main(result)}, {_md(words)}."
    heat = card.get("temperature", 1.0)
    if heat != 1.0:
        yield f"- The logits are divided by {heat:.3f} before softmax; `zoo predict` does it."
    if card.get("thresholds"):
        yield "- Each class has a threshold of its own, which is in zoo.json and by which its label is given."
    below = (card.get("reject") or {}).get("below")
    if below is not None:
        words = percent(below) if isinstance(below, float | int) else "a threshold of its own for each class"
        yield f'- Where the confidence is below {words} its answer is "not sure".'
    if card.get("familiar"):
        yield "- Answers have a word `familiar`, false for an image to which the network answers as to few of its own."


def _limits(result: RunResult) -> Iterable[str]:
    if result.keys():
        verdict = diagnose(result)
        yield f"- {_md(verdict.headline)}"
        yield from (f"- {_md(line)}" for line in verdict.evidence)
    train = result.images_of("train").images
    if train:
        yield f"- It has seen {count(train)} training images, and nothing is known of images unlike them."
    split = _main(result)
    pairs = reading.confused_pairs(reading.confusion_of(result, split), result.classes, limit=5)
    for true, taken, times, share in pairs:
        yield f"- {_code(true)} is taken for {_code(taken)} in {times:,} of {round(times / share):,} images."
    yield "- It answers with its own classes whatever an image shows; what is none of them gets one of their names."
    yield "- Measure it on your own images first (`zoo evaluate MODEL FOLDER`) wherever a wrong answer does harm."


def _training(card: Document, result: RunResult) -> Iterable[str]:
    job, here, epochs = result.job.document(), result.environment, len(result.epochs)
    train = job.get("train", {})
    asked = {**{key: job.get(key) for key in _TRAINING}, **{key: train.get(key) for key in _FROM_TRAIN}}
    rows = [(key.replace("_", " "), _setting(value)) for key, value in asked.items() if value not in (None, False, [])]
    if epochs:
        rows.append(("epochs", f"{epochs}, and the weights of epoch {result.best_epoch} are kept"))
    if here.device:
        rows.append(("hardware", _md(f"{here.device}, {here.execution}")))
        rows.append(("time", duration(result.timing.total_s)))
    rows.append(("versions", _md(", ".join(f"{k} {v}" for k, v in (card.get("versions") or {}).items()))))
    yield from _table(("", ""), rows)
    yield from _job(job)


def _setting(value: Any) -> str:
    if isinstance(value, list):
        return _md(", ".join(map(component, value)))
    return _md(component(value))


def _job(job: Document) -> Iterable[str]:
    if not job:
        return
    import yaml

    yield "<details><summary>The whole job, as `zoo run job.yaml` takes it; of paths the last name is left</summary>"
    yield ""
    yield "```yaml"
    yield yaml.safe_dump(dict(job), sort_keys=False, allow_unicode=True).rstrip().replace("```", "'''")
    yield "```"
    yield ""
    yield "</details>"


def _license(license: str) -> str:
    if license == UNKNOWN_LICENSE:
        return "Unknown: who shared it has named none. Ask before you use it for more than to look at it."
    return f"{_md(license)}, as who shared it says. The licences of its data and of the weights it began with hold too."
