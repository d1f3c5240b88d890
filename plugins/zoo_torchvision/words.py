"""Readable class names: published lists where torchvision has none, and torchvision's names converted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

__all__ = [
    "CLOTHES",
    "DIGITS",
    "FACES",
    "KANA",
    "SIGNS",
    "STL10",
    "TUMOUR",
    "bare",
    "camel",
    "numbered",
    "plain",
    "synonyms",
]

DIGITS = tuple("0123456789")
# Fashion-MNIST and KMNIST: copied from torchvision, which is not imported for idx files.
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
KANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
STL10 = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
# FER2013: I. J. Goodfellow et al., Challenges in Representation Learning, 2013.
FACES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
# PatchCamelyon: presence of tumour tissue in the central 32x32 px of a patch.
TUMOUR = ("no tumour", "tumour")
# J. Stallkamp et al., The German Traffic Sign Recognition Benchmark, 2011, by ClassId.
SIGNS = (
    "speed limit 20", "speed limit 30", "speed limit 50", "speed limit 60", "speed limit 70", "speed limit 80",
    "end of speed limit 80", "speed limit 100", "speed limit 120", "no passing", "no passing for trucks",
    "right of way at the next crossing", "priority road", "give way", "stop", "no vehicles", "no trucks", "no entry",
    "danger", "bend to the left", "bend to the right", "double bend", "uneven road", "slippery road",
    "road narrows on the right", "road works", "traffic lights", "pedestrians", "children", "bicycles",
    "snow or ice", "wild animals", "end of all limits", "turn right", "turn left", "straight ahead",
    "straight or right", "straight or left", "keep right", "keep left", "roundabout", "end of no passing",
    "end of no passing for trucks",
)  # fmt: skip


def plain(names: Iterable[str]) -> list[str]:
    """Replace underscores: ``apple_pie`` -> ``apple pie``."""
    return [name.replace("_", " ").strip() for name in names]


def camel(names: Iterable[str]) -> list[str]:
    """Split camel case: ``AnnualCrop`` -> ``annual crop``."""
    return [re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower() for name in names]


def numbered(names: Iterable[str]) -> list[str]:
    """Remove number prefixes: ``001.ak47`` -> ``ak47``."""
    return [re.sub(r"^\d+\.", "", name) for name in names]


def bare(names: Iterable[str]) -> list[str]:
    """Remove path prefixes: ``/a/apartment_building/outdoor`` -> ``apartment building/outdoor``."""
    return plain(re.sub(r"^/\w/", "", name) for name in names)


def synonyms(meanings: Sequence[Sequence[str]], ids: Sequence[str]) -> list[str]:
    """First word of each WordNet class; all words, and the id, where needed to distinguish classes.

    ``("crane",)`` is both a bird and a machine: ``crane (n02012849)``.
    """
    firsts = Counter(words[0] for words in meanings)
    full = [words[0] if firsts[words[0]] == 1 else ", ".join(words) for words in meanings]
    counts = Counter(full)
    return [name if counts[name] == 1 else f"{name} ({wnid})" for name, wnid in zip(full, ids, strict=True)]
