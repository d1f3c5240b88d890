"""Attachments of a bundle: what plugins keep with a trained model, such as a fitted detector, without pickles.

``zoo.json`` has the facts of each attachment under ``attachments``, and ``attachments.safetensors`` its tensors, named
``NAME.tensor``. The facts hold a SHA-256 of the tensors, so that both files belong together.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.errors import BundleError, RequestError
from zoo.job.run_folder import ATTACHMENTS, CARD
from zoo.model.bundle import read_card, write_card
from zoo.model.manifest import is_shared
from zoo.storage.files import atomic, open_plain

__all__ = [
    "Attachment",
    "copy_attachments",
    "forget_attachments",
    "read_attachments",
    "remove_attachment",
    "write_attachment",
]

Facts = Mapping[str, Any]
KEY, SHA256 = "attachments", "sha256"
_NAME, _TENSOR = re.compile(r"[a-z][a-z0-9_-]{0,63}"), re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]{0,199}")


@dataclass(frozen=True)
class Attachment:
    """What is kept with a trained model under a name.

    Args:
        name: lower-case word, such as ``detector``.
        facts: values of JSON.
        tensors: tensors by name, of any shape and dtype.

    Raises:
        ValueError: a name is malformed, or the facts have the key ``sha256``.
    """

    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not the name of an attachment: use lower-case letters, digits, _ and -")
        if wrong := [name for name in self.tensors if not _TENSOR.fullmatch(name)]:
            raise ValueError(f"{wrong[0]!r} is not the name of a tensor: use letters, digits, _ and dots")
        if SHA256 in self.facts:
            raise ValueError(f"the facts of an attachment can't have the key {SHA256!r}, which the bundle adds")


def read_attachments(bundle: Path) -> dict[str, Attachment]:
    """Read the attachments of a bundle, by name.

    Raises:
        BundleError: the tensors are missing or damaged, or are not those of zoo.json.
    """
    facts = read_card(bundle).get(KEY) or {}
    tensors = _tensors(bundle) if any(SHA256 in each for each in facts.values()) else {}
    found = {}
    for name, each in facts.items():
        own = _own(tensors, name) if SHA256 in each else {}
        if SHA256 in each and _digest(own) != each[SHA256]:
            raise BundleError(
                f"The tensors of attachment {name!r} in {bundle / ATTACHMENTS} are not those that {CARD} describes: "
                "the file was changed, or written only in part. Attach it again with the command that made it."
            )
        found[name] = Attachment(name, {key: value for key, value in each.items() if key != SHA256}, own)
    return found


def write_attachment(bundle: Path, attachment: Attachment) -> None:
    """Add an attachment to a bundle, or replace the one of the same name.

    Raises:
        RequestError: the bundle is a shared model, whose files don't change.
        BundleError: the card is damaged.
        OutputError: the folder can't be written.
    """
    facts, tensors = _others(bundle, attachment.name)
    own = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in attachment.tensors.items()}
    added = {**attachment.facts, **({SHA256: _digest(own)} if own else {})}
    _write(bundle, {**facts, attachment.name: added}, {**tensors, **_prefixed(own, attachment.name)})


def remove_attachment(bundle: Path, name: str) -> None:
    """Remove an attachment of a bundle, where it has one of this name.

    Raises:
        RequestError: the bundle is a shared model.
        OutputError: the folder can't be written.
    """
    if name in (read_card(bundle).get(KEY) or {}):
        _write(bundle, *_others(bundle, name))


def forget_attachments(bundle: Path) -> None:
    """Remove the tensors of all attachments, of a bundle whose new card has none."""
    (bundle / ATTACHMENTS).unlink(missing_ok=True)


def copy_attachments(source: Path, target: Path) -> None:
    """Copy the tensors of a bundle's attachments to another bundle with the same card, where it has any."""
    if (source / ATTACHMENTS).is_file():
        shutil.copyfile(source / ATTACHMENTS, target / ATTACHMENTS)


def _others(bundle: Path, name: str) -> tuple[Facts, dict[str, Tensor]]:
    """Facts and prefixed tensors of the attachments but one; damaged ones are dropped."""
    if is_shared(bundle):
        raise RequestError(
            f"{bundle} is a shared model, whose files don't change. Copy its {CARD} and weights to another folder."
        )
    facts = {each: value for each, value in (read_card(bundle).get(KEY) or {}).items() if each != name}
    try:
        tensors = _tensors(bundle) if facts else {}
    except BundleError:
        tensors = {}
    whole = {each: f for each, f in facts.items() if SHA256 not in f or _digest(_own(tensors, each)) == f[SHA256]}
    return whole, {key: value for each in whole for key, value in _prefixed(_own(tensors, each), each).items()}


def _write(bundle: Path, facts: Facts, tensors: dict[str, Tensor]) -> None:
    """Write the tensors, then the card: a command that is killed in between leaves facts without their tensors."""
    from safetensors.torch import save

    card = {key: value for key, value in read_card(bundle).items() if key != KEY}
    if tensors:
        with atomic(bundle / ATTACHMENTS) as file:
            file.write(save(tensors, metadata={"format": "pt"}))
    write_card(bundle, {**card, **({KEY: facts} if facts else {})})
    if not tensors:
        forget_attachments(bundle)


def _tensors(bundle: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        open_plain(bundle / ATTACHMENTS).close()
        return load_file(bundle / ATTACHMENTS)
    except (SafetensorError, OSError) as error:
        raise BundleError(
            f"{bundle / ATTACHMENTS} can't be read: {error}. {CARD} names attachments, whose tensors are in that file."
        ) from error


def _own(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    start = f"{name}."
    return {key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)}


def _prefixed(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {f"{name}.{key}": value for key, value in tensors.items()}


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over name, dtype, shape and bytes of each tensor, in order of name."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
