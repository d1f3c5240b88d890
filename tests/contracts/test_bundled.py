"""Every component of the bundled plugins owes what anyone's does: the checks of ``zoo.testing``, one test each."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from zoo.host.loader import open_registry
from zoo.plugin import KINDS
from zoo.testing import Check, checks, checks_of, run_checks
from zoo.testing.checking import contracts

REGISTRY = open_registry()
BUNDLED = [plugin.name for plugin in REGISTRY.plugins if plugin.origin.bundled]
ENTRIES = [entry for entry in REGISTRY.entries() if entry.origin.bundled]
# How many components there are at the least, and for how many of them there are checks: a list that comes up short
# must fail, or nothing below would be tested.
AT_LEAST = {
    "dataset": (35, 5),
    "architecture": (1380, 53),
    "loss": (5, 5),
    "metric": (9, 9),
    "augmentation": (17, 17),
    "optimizer": (80, 80),
    "schedule": (6, 6),
    "sampler": (2, 2),
    "callback": (3, 3),
    "analysis": (2, 0),
    "exporter": (4, 4),
    "importer": (3, 3),
    "command": (15, 15),
}
# Larger members of timm's family, beyond its samples: as various as can be.
LARGER = [
    "coat_tiny", "coatnet_pico_rw_224", "convit_tiny", "convnext_atto", "cspresnet50", "darknet17",
    "deit_tiny_patch16_224", "densenet121", "dla34", "edgenext_xx_small", "efficientnet_b0", "efficientvit_b0",
    "eva02_tiny_patch14_224", "fasternet_t0", "fastvit_t8", "gcvit_xxtiny", "gernet_s", "ghostnet_050", "hgnet_tiny",
    "hrnet_w18_small", "inception_next_atto", "mnasnet_small", "mobilevit_xxs", "poolformerv2_s12", "pvt_v2_b0",
    "regnetx_002", "repvit_m0_9", "resnest14d", "resnet18", "rexnet_100", "starnet_s1", "tinynet_e",
    "vit_tiny_patch16_224", "xcit_nano_12_p16_224",
]  # fmt: skip
# Which compile their kernels first: here they run as they are written, for a compiler is another's matter.
COMPILED = {"optim/kron", "optim/kronc", "optim/kronw"}
# These need files: tests/plugins/test_torchvision_data.py and tests/plugins/formats/test_contract.py try all of their
# checks on tiny ones.
OF_FILES = ("torchvision/", "formats/")
NEED_FILES = {e.id for e in ENTRIES if e.id.startswith(OF_FILES) and e.kind == "dataset"} - {"torchvision/fake_data"}
# The only checks of ours that can't be tried, each with its reason.
SKIPPED = {
    "metric:metrics/confusion_matrix:better-is-better": "not a single number",
    "augmentation:augment/none:per-sample-randomness": "it changes nothing",
    "augmentation:augment/none:seeded": "it changes nothing",
    "command:images/shards:help": "it is a function",
    "command:images/shards:help-of-options": "it is a function",
}


def beyond_the_samples() -> Iterator[Check]:
    """Every optimizer of timm, and the larger of its networks: what their own kind owes, for their factory is tried."""
    tried = {check.component for plugin in BUNDLED for check in checks(plugin, registry=REGISTRY)}
    for entry in ENTRIES:
        larger = entry.origin.plugin == "timm" and entry.member in LARGER
        if entry.id not in tried and (larger or entry.kind == "optimizer"):
            own = {contract.name for contract in contracts(entry.kind)}
            yield from (check for check in checks_of(entry) if check.name in own)


WITHOUT_FILES = (check for plugin in BUNDLED for check in checks(plugin, registry=REGISTRY))
CHECKS = [*(check for check in WITHOUT_FILES if check.component not in NEED_FILES), *beyond_the_samples()]


FAMILY, TURNS = (
    2,
    3,
)  # among the fast tests, so many of one kind and plugin are tried in every respect, the others in turn


def in_turn() -> Iterator[Any]:
    """Every check, where the slow ones are the larger networks', those with processes, and most of a large family's.

    In a family each component is held to every third contract, and each contract to every third component.
    """
    families: dict[str, dict[str, int]] = defaultdict(dict)
    seen: Counter[str] = Counter()
    for check in CHECKS:
        family = families[f"{check.kind}:{check.component.split('/')[0]}"]
        place = family.setdefault(check.component, len(family))
        later = place >= FAMILY and (place + seen[check.component]) % TURNS
        seen[check.component] += 1
        slow = check.component.removeprefix("timm/") in LARGER or check.name == "spawned workers" or later
        yield pytest.param(check, id=check.id, marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize("check", in_turn())
def test_contract(check: Check):
    with torch.compiler.set_stance("force_eager" if check.component in COMPILED else "default"):
        (outcome,) = run_checks([check]).outcomes
    if check.id in SKIPPED:
        assert SKIPPED[check.id] in str(outcome.message)
        assert outcome.outcome == "skipped"
    elif check.kind == "tracker" and outcome.outcome == "skipped":
        assert re.search("is not installed|its logs are outside", str(outcome.message))
    else:
        assert (outcome.message, outcome.outcome) == (None, "passed")


def test_no_component_is_missing():
    counts = {kind: sum(entry.kind == kind for entry in ENTRIES) for kind in KINDS}
    tried = {kind: len({check.component for check in CHECKS if check.kind == kind}) for kind in KINDS}
    assert AT_LEAST.keys() == KINDS.keys()
    assert [kind for kind, (least, _) in AT_LEAST.items() if counts[kind] < least] == []
    assert [kind for kind, (_, least) in AT_LEAST.items() if tried[kind] < least] == []
    assert all(plugin.state == "enabled" for plugin in REGISTRY.plugins if plugin.origin.bundled)
    assert len(BUNDLED) >= 8


def test_each_is_checked_once_in_every_respect():
    ids = [check.id for check in CHECKS]
    assert len(set(ids)) == len(ids)
    assert len(ids) > 1500


def test_the_networks_tried_are_various():
    """Those of the zoo's own, and one of each large family of timm."""
    tried = {check.component for check in CHECKS if check.kind == "architecture"}
    assert tried >= {"simple/simple_cnn", "simple/simple_rnn", *(f"timm/{name}" for name in LARGER)}
    assert len([name for name in tried if name.startswith("torchvision/")]) == 5
    assert len(LARGER) == 34


def test_every_augmentation_is_held_to_a_draw_for_each_image_to_its_seed_and_to_whole_labels():
    owed = {"per-sample randomness", "seeded", "targets stay whole"}
    lacking = {
        e.id: owed - {c.name for c in CHECKS if c.component == e.id} for e in ENTRIES if e.kind == "augmentation"
    }
    assert {component: names for component, names in lacking.items() if names} == {}
