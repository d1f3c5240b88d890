"""Words of ``zoo plugins check``: plugins, components, folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.errors import UnknownName, ZooError
from zoo.host.loader import open_registry
from zoo.registry import kinds
from zoo.testing.select import everything, is_place, select

PLUGIN = """
from zoo.plugin import Loss, Metric, hookimpl

@hookimpl
def zoo_losses():
    yield Loss("my_loss", "acme_parts:Twice", summary="Twice the cross entropy", aliases=("mine",))
    yield Loss("both", "acme_parts:Twice", summary="A loss whose name a metric has")

@hookimpl
def zoo_metrics():
    yield Metric("both", "acme_parts:Hits", summary="A metric whose name a loss has")
"""


@pytest.fixture
def acme(make_plugin: Callable[..., Path]) -> Path:
    return make_plugin("acme", PLUGIN, acme_parts="class Twice: ...\nclass Hits: ...\n")


def selected(*words: str) -> list[str]:
    """Components whose checks words select, with their kinds, in order."""
    found = select(words, open_registry())
    assert len({check.id for check in found}) == len(found)
    return list(dict.fromkeys(f"{check.kind}:{check.component}" for check in found))


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["acme/my_loss"], ["loss:acme/my_loss"]),
        (["acme/mine"], ["loss:acme/my_loss"]),
        (["acme/loss:my_loss"], ["loss:acme/my_loss"]),
        (["acme/metric:both"], ["metric:acme/both"]),
        (["acme/metric:both", "acme/loss:both"], ["metric:acme/both", "loss:acme/both"]),
        (["acme/my_loss", "losses/focal", "acme/my_loss"], ["loss:acme/my_loss", "loss:losses/focal"]),
        (["acme/my_loss", "acme"], ["loss:acme/my_loss", "plugin:acme", "loss:acme/both", "metric:acme/both"]),
        (["timm/resnet18"], ["architecture:timm/resnet18"]),
        (["timm/resnet18.a1_in1k"], ["architecture:timm/resnet18.a1_in1k"]),
    ],
)
def test_words_select_plugins_and_components(words: list[str], found: list[str]):
    assert selected(*words) == found


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("acme/my_los", r"no component 'my_los'\. Did you mean 'acme/my_loss'\? Valid are: both, my_loss\."),
        ("acme/metric:my_loss", r"no component metric:my_loss\. .*Valid are: both\."),
        ("acme/optimizer:x", r"no component optimizer:x\. Kinds: loss, metric\."),
        ("acme/both", r"several components named 'both'.*check acme/loss:both or zoo plugins check acme/metric:both"),
        ("acm/my_loss", r"no plugin 'acm'\. Did you mean 'acme'"),
        ("my_loss", r"no plugin 'my_loss', but a component\..* zoo plugins check acme/my_loss"),
        ("acme/", r"no pyproject\.toml"),
    ],
)
def test_an_unknown_word_is_an_error_with_what_is_near(word: str, said: str):
    with pytest.raises(ZooError, match=said):
        selected(word)


def test_a_component_of_a_plugin_that_fails_is_reported_by_its_plugin(make_plugin: Callable[..., Path]):
    make_plugin("acme", "import no_such_module_at_all")
    assert selected("acme/my_loss") == ["plugin:acme"]


def test_a_word_is_a_path_only_where_it_must_be_or_is_a_folder(tmp_path: Path):
    assert all(map(is_place, ("./acme", "../acme", "/acme", "~/acme", ".", "plugins/mine/acme", str(tmp_path))))
    assert not any(map(is_place, ("acme", "acme/loss", "acme/loss:focal")))
    Path("acme/loss").mkdir(parents=True)
    assert is_place("acme/loss")


def test_a_folder_and_a_plugin_are_checked_together():
    folder = Path("zoo-leafy")
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        "[project]\nname = 'zoo-leafy'\n[project.entry-points.'zoo.plugins']\nleafy = 'zoo_leafy_here'\n"
    )
    (folder / "zoo_leafy_here.py").write_text(
        "from zoo.plugin import Component, Kind, Loss, hookimpl\n"
        "class Leaf(Component):\n    kind = 'leaf'\n"
        "@hookimpl\ndef zoo_kinds():\n    yield Kind(Leaf)\n"
        "@hookimpl\ndef zoo_components():\n    yield Leaf('oak', 'oaks:Oak')\n    yield Loss('dry', 'oaks:Dry')\n"
    )
    found = ["plugin:leafy", "leaf:leafy/oak", "loss:leafy/dry", "loss:losses/focal"]
    assert selected("zoo-leafy", "losses/focal") == found, "components of its own kinds among them"
    kinds.forget("leafy")
    with pytest.raises(UnknownName):
        selected("leafy")


@pytest.mark.usefixtures("acme")
def test_without_words_local_components_are_checked_beside_the_plugins():
    Path("registry.yaml").write_text("plugins: {disable: [timm]}")
    words = everything(open_registry())
    assert {"acme", "losses"} < set(words)
    assert not {"timm", "local"} & set(words)
    Path("registry.yaml").write_text("components: {loss: {mine: {base: focal, params: {gamma: 3.0}}}}")
    words = everything(open_registry())
    assert words[-1] == "local"
    assert selected(words[-1]) == ["loss:local/mine"]
