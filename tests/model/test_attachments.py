"""Attachments of a bundle: facts in zoo.json, tensors beside the weights, both checked, and none half written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from zoo.api.manifests import MANIFEST, parse_manifest
from zoo.api.models import (
    Attachment,
    copied_weights,
    copy_attachments,
    find_bundle,
    read_attachments,
    read_card,
    remove_attachment,
    write_attachment,
    write_card,
    write_weights,
)
from zoo.errors import BundleError, RequestError
from zoo.runs import ATTACHMENTS, CARD, WEIGHTS
from zoo.storage import sha256_of

CARD_OF_ALL = {
    "classes": ["cat", "dog"],
    "preprocessing": {"image_size": 8, "in_chans": 1, "resize": "squash", "mean": [0.5], "std": [0.25]},
    "architecture": {"id": "simple/simple_cnn", "params": {}},
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write_weights(tmp_path, copied_weights(nn.Linear(2, 2)))
    write_card(tmp_path, CARD_OF_ALL)
    return tmp_path


def bank(rows: int = 3, name: str = "detector") -> Attachment:
    return Attachment(name, {"threshold": 0.5}, {"bank": torch.arange(2.0 * rows).reshape(rows, 2)})


def test_an_attachment_is_read_as_it_was_written(bundle: Path):
    write_attachment(bundle, bank())
    write_attachment(bundle, Attachment("notes", {"by": "someone"}))

    found = read_attachments(bundle)

    assert found["detector"].facts == {"threshold": 0.5}
    assert torch.equal(found["detector"].tensors["bank"], bank().tensors["bank"])
    assert found["notes"] == Attachment("notes", {"by": "someone"})
    assert read_card(bundle)["classes"] == ["cat", "dog"]


def test_a_bundle_without_attachments_has_none(bundle: Path):
    assert read_attachments(bundle) == {}
    assert not (bundle / ATTACHMENTS).exists()


def test_an_attachment_replaces_the_one_of_its_name_only(bundle: Path):
    write_attachment(bundle, bank())
    write_attachment(bundle, bank(5, "other"))
    write_attachment(bundle, bank(2))

    found = read_attachments(bundle)

    assert {name: len(each.tensors["bank"]) for name, each in found.items()} == {"detector": 2, "other": 5}


def test_a_removed_attachment_leaves_nothing(bundle: Path):
    write_attachment(bundle, bank())
    remove_attachment(bundle, "detector")

    assert read_attachments(bundle) == {}
    assert "attachments" not in json.loads((bundle / CARD).read_text())
    assert not (bundle / ATTACHMENTS).exists()


def test_tensors_of_another_bundle_are_refused_and_replaced(bundle: Path):
    write_attachment(bundle, bank())
    before = (bundle / ATTACHMENTS).read_bytes()
    write_attachment(bundle, bank(5))
    (bundle / ATTACHMENTS).write_bytes(before)  # as after a command that was killed between both files

    with pytest.raises(BundleError, match=r"'detector' .* are not those"):
        read_attachments(bundle)
    write_attachment(bundle, bank(4))
    assert len(read_attachments(bundle)["detector"].tensors["bank"]) == 4


@pytest.mark.parametrize("content", [None, b"", b"\x80\x04pickle"])
def test_missing_and_damaged_tensors_are_a_bundle_error(bundle: Path, content: bytes | None):
    write_attachment(bundle, bank())
    (bundle / ATTACHMENTS).unlink() if content is None else (bundle / ATTACHMENTS).write_bytes(content)

    with pytest.raises(BundleError, match="can't be read"):
        read_attachments(bundle)


@pytest.mark.parametrize("name", ["", "Detector", "a.b", "../a", "a" * 65])
def test_a_malformed_name_is_refused(name: str):
    with pytest.raises(ValueError, match="not the name of an attachment"):
        Attachment(name)


def test_a_card_with_malformed_attachments_is_damaged(bundle: Path):
    write_card(bundle, {**CARD_OF_ALL, "attachments": ["detector"]})

    with pytest.raises(BundleError, match="attachments"):
        read_attachments(bundle)


def shared(bundle: Path, *names: str) -> None:
    files = {n: {"bytes": (bundle / n).stat().st_size, "sha256": sha256_of(bundle / n)} for n in names}
    manifest = {"schema": 1, "name": "m", "architecture": "a", "classes": 2, "files": files}
    (bundle / MANIFEST).write_text(json.dumps(manifest))


def test_a_shared_model_may_have_attachments_and_keeps_them(bundle: Path):
    write_attachment(bundle, bank())
    shared(bundle, CARD, WEIGHTS, ATTACHMENTS)

    assert set(parse_manifest((bundle / MANIFEST).read_bytes(), "it").files) == {CARD, WEIGHTS, ATTACHMENTS}
    assert find_bundle(bundle) == bundle
    with pytest.raises(RequestError, match="shared model"):
        write_attachment(bundle, bank(4))


def test_attachments_that_the_manifest_lacks_are_refused(bundle: Path):
    write_attachment(bundle, bank())
    shared(bundle, CARD, WEIGHTS)

    with pytest.raises(BundleError, match=r"not in the zoo-manifest\.json"):
        find_bundle(bundle)


def test_a_copied_bundle_keeps_its_attachments(bundle: Path, tmp_path_factory: pytest.TempPathFactory):
    write_attachment(bundle, bank())
    target = tmp_path_factory.mktemp("copy")
    write_card(target, read_card(bundle))

    copy_attachments(bundle, target)

    assert torch.equal(read_attachments(target)["detector"].tensors["bank"], bank().tensors["bank"])
