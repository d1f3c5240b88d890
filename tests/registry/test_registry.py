"""The registry: what a name stands for, and what is said of one that stands for nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import RegistryFileError, RequestError, UnknownName
from zoo.host.loader import discover, open_registry
from zoo.model.formats import reader_of
from zoo.plugin import KINDS, Component, Dataset, Exporter, Loss
from zoo.registry.config import Layer, RegistryConfig
from zoo.registry.entry import DISTRIBUTION, Entry, Origin
from zoo.registry.kinds import check_kind
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.registry import Registry

HEAD = "from zoo.plugin import *\n"


def plugin(name: str, *components: Component, distribution: str | None = None, state: str = "enabled") -> LoadedPlugin:
    origin = Origin(name, distribution or f"zoo-{name}", "1.0")
    return LoadedPlugin(origin, f"zoo_{name}", state, entries=[Entry(c, origin) for c in components])


def bundled(name: str, *components: Component) -> LoadedPlugin:
    return plugin(name, *components, distribution=DISTRIBUTION)


def loss(name: str, **more: object) -> Loss:
    return Loss(name, "somewhere:factory", **more)  # type: ignore[arg-type]


def registry(*plugins: LoadedPlugin, **sections: object) -> Registry:
    return Registry(list(plugins), RegistryConfig([Layer(Path("here/registry.yaml"), sections)]))


LOSSES = bundled("losses", loss("focal", aliases=("fl",)), loss("mse"))


def test_a_full_id_finds_exactly_its_component():
    found = registry(LOSSES, plugin("acme", loss("focal")))
    assert found.find("loss", "acme/focal").origin.distribution == "zoo-acme"
    assert found.find("loss", "losses/focal").origin.bundled


def test_a_short_name_of_a_bundled_component_is_the_bundled_one_whoever_else_has_it():
    others = [plugin(name, loss("focal"), loss("other", aliases=("fl",))) for name in ("acme", "beta")]
    found = registry(*others, LOSSES)
    assert found.find("loss", "focal").id == "losses/focal"
    assert found.find("loss", "fl").id == "losses/focal"


def test_a_short_name_of_one_third_party_component_is_enough():
    assert registry(LOSSES, plugin("acme", loss("poly"))).find("loss", "poly").id == "acme/poly"


def test_two_third_party_components_of_one_name_are_an_error_that_names_both():
    found = registry(plugin("acme", loss("poly")), plugin("beta", loss("poly")))
    with pytest.raises(RequestError) as caught:
        found.find("loss", "poly")
    assert not isinstance(caught.value, UnknownName)
    assert "acme/poly (zoo-acme) and beta/poly (zoo-beta)" in str(caught.value)
    assert "Use the full id" in str(caught.value)
    assert found.find("loss", "beta/poly").origin.plugin == "beta"


def test_a_component_is_found_by_its_aliases_short_and_full():
    found = registry(LOSSES)
    assert found.find("loss", "fl") is found.find("loss", "losses/fl") is found.find("loss", "focal")


def test_a_name_is_of_one_kind():
    with pytest.raises(UnknownName, match="Unknown metric 'focal'"):
        registry(LOSSES).find("metric", "focal")


def test_a_projects_alias_goes_before_everything():
    local = {"components": {"loss": {"best": {"target": "m:X"}, "focal": {"target": "m:X"}}}}
    found = registry(
        LOSSES, plugin("acme", loss("poly")), aliases={"loss": {"focal": "acme/poly", "best": "mse"}}, **local
    )
    assert found.find("loss", "focal").id == "acme/poly"
    assert found.find("loss", "best").id == "losses/mse"
    assert found.find("loss", "losses/focal").id == "losses/focal"


def test_a_local_component_goes_before_a_bundled_one():
    found = registry(LOSSES, components={"loss": {"focal": {"target": "m:X", "aliases": ["f"]}}})
    assert found.find("loss", "focal").id == found.find("loss", "f").id == "local/focal"
    assert found.find("loss", "local/focal").id == "local/focal"
    assert found.find("loss", "losses/focal").id == "losses/focal"


def test_a_local_component_on_a_base_has_the_bases_factory_and_its_own_parameters():
    base = bundled("losses", loss("focal", summary="Base", tags=("t",)))
    spec = {"base": "focal", "params": {"gamma": 3}, "aliases": ["s"], "tags": ["mine"], "summary": "Sharper"}
    entry = registry(base, components={"loss": {"sharp": spec}}).find("loss", "s")
    assert (entry.id, entry.names, entry.params) == ("local/sharp", ("sharp", "s"), {"gamma": 3})
    assert entry.component.target == "somewhere:factory"
    assert (entry.component.summary, entry.component.tags) == ("Sharper", ("mine",))


def test_a_local_component_on_a_base_keeps_what_the_base_says_of_itself():
    base = bundled("images", Dataset("scans", "m:f", splits=("train",), in_chans=1, input_size=8, aliases=("s",)))
    entry = registry(base, components={"dataset": {"mine": {"base": "s", "params": {"root": "."}}}}).find(
        "dataset", "mine"
    )
    assert isinstance(entry.component, Dataset)
    assert (entry.component.in_chans, entry.component.input_size, entry.component.splits) == (1, 8, ("train",))
    assert entry.params == {"root": str(Path("here").resolve())}


def test_a_base_that_is_not_there_is_told_with_file_and_key():
    found = registry(LOSSES, components={"loss": {"mine": {"base": "focl"}}})
    with pytest.raises(UnknownName, match=r"here/registry.yaml: components: loss: mine: its base 'focl'.*'focal'"):
        found.find("loss", "mine")


def test_a_malformed_name_on_a_base_is_told_with_file_and_key():
    found = registry(LOSSES, components={"loss": {"my loss": {"base": "focal"}}})
    with pytest.raises(RegistryFileError, match=r"here/registry.yaml: components: loss: my loss: 'my loss' is not"):
        found.find("loss", "mse")


def test_an_unknown_name_is_told_with_what_is_near_and_what_is_valid():
    with pytest.raises(UnknownName) as caught:
        registry(LOSSES).find("loss", "focl")
    text = "Unknown loss 'focl'. Did you mean 'focal'? Valid are: focal, mse. See: zoo list loss"
    assert str(caught.value) == text


def test_an_unknown_full_id_is_told_with_full_ids_that_are_near():
    with pytest.raises(UnknownName, match=r"Unknown loss 'losses/focl'\. Did you mean 'losses/focal'"):
        registry(LOSSES).find("loss", "losses/focl")


def test_a_long_list_of_valid_names_is_left_out_where_one_is_near():
    many = bundled("many", *(loss(f"loss_{i:02}") for i in range(40)))
    with pytest.raises(UnknownName) as caught:
        registry(many).find("loss", "loss_0x")
    assert "Valid are" not in str(caught.value)
    with pytest.raises(UnknownName, match="loss_11 … and 28 more"):
        registry(many).find("loss", "zebra")


def test_a_name_of_a_plugin_that_was_set_aside_says_so():
    for state in ("disabled", "failed"):
        with pytest.raises(UnknownName, match=f"The plugin 'acme' is {state}; see: zoo plugins doctor acme"):
            registry(LOSSES, plugin("acme", state=state)).find("loss", "acme/poly")


def test_a_name_in_the_catalogue_says_what_to_install():
    catalogue = {"keras": {"package": "zoo-keras", "provides": {"architecture": ["keras/*", "vgg_keras"]}}}
    found = registry(LOSSES, catalogue=catalogue)
    for name in ("keras/vgg16", "vgg_keras"):
        with pytest.raises(UnknownName, match="zoo plugins install keras"):
            found.find("architecture", name)
    with pytest.raises(UnknownName) as caught:
        found.find("loss", "keras/focal")
    assert "install" not in str(caught.value)


def test_a_path_is_opened_by_the_only_dataset_that_opens_its_form():
    folder = Dataset("folder", "m:f", opens=("folder",))
    other = Dataset("other", "m:f", opens=(".parquet",))
    found = registry(plugin("acme", other), bundled("images", folder))
    assert [getattr(found.opener(form), "id", None) for form in ("folder", ".parquet", ".txt")] == [
        "images/folder",
        "acme/other",
        None,
    ]


def test_a_path_that_two_plugins_open_is_an_error_that_lists_the_bundled_one_first():
    """An installed plugin never changes what a path means without a word."""
    plugins = [plugin(name, Dataset(f"{name}_set", "m:f", opens=("folder", ".parquet"))) for name in ("acme", "best")]
    images = bundled("images", Dataset("folder", "m:f", opens=("folder",)), Dataset("wds", "m:f", opens=("folder",)))
    local = {"dataset": {"mine": {"base": "acme/acme_set"}}}
    both = r"acme/acme_set \(zoo-acme\) and best/best_set \(zoo-best\)"
    for order in (plugins, plugins[::-1]):
        found = registry(*order, images, components=local)
        with pytest.raises(
            RequestError, match=rf"'folder'.* images/folder \(visionzoo\) and {both}.*images/folder --data"
        ):
            found.opener("folder")
        with pytest.raises(RequestError, match=rf"'\.parquet'.*: {both}\. .*acme/acme_set --data"):
            found.opener(".parquet")
    alone = registry(plugins[0], components=local)
    assert alone.opener(".parquet").id == "acme/acme_set", "not what the folder makes of it"
    assert registry(images).opener("folder").id == "images/folder"


def test_a_file_that_two_exporters_read_is_an_error_unless_one_is_named(tmp_path: Path):
    own = Exporter("onnx", "m:f", suffix=".onnx", reader="m:r")
    writes = Exporter("w", "m:f", suffix=".onnx")
    theirs = [plugin(name, Exporter("file", "m:f", suffix=".mdl", reader=f"{name}:r"), writes) for name in "ab"]
    slim = plugin(
        "slim",
        Exporter("slim", "s:f", suffix=".onnx", reader="s:r"),
        Exporter("re", "s:f", suffix=".onnx", reader="m:r"),
    )
    for order in (theirs, theirs[::-1]):
        found = registry(*order, bundled("export", own))
        assert reader_of(Path("a.onnx"), found).id == "export/onnx", "the others read nothing"
        with pytest.raises(RequestError, match=r"a\.mdl .*a/file \(zoo-a\) and b/file \(zoo-b\)\. .*a/file:a\.mdl"):
            reader_of(Path("a.mdl"), found)
        assert reader_of("b/file:a.mdl", found).id == "b/file"
        with pytest.raises(
            RequestError, match=r"export/onnx \(visionzoo\) and slim/slim \(zoo-slim\)\. .*export/onnx:a\.onnx"
        ):
            reader_of(Path("a.onnx"), registry(*order, slim, bundled("export", own)))
    assert reader_of(Path("a.mdl"), registry(theirs[0])).id == "a/file"
    assert reader_of(Path("a.txt"), registry(*theirs)) is None


def test_entries_are_all_of_a_kind_each_once_sorted():
    found = registry(LOSSES, plugin("acme", loss("poly")), components={"loss": {"mine": {"target": "m:X"}}})
    assert [e.id for e in found.entries("loss")] == ["acme/poly", "local/mine", "losses/focal", "losses/mse"]
    assert found.entries() == found.entries("loss")
    assert found.entries("metric") == []


def test_names_are_everything_that_can_be_typed():
    found = registry(LOSSES, aliases={"loss": {"best": "mse"}}, components={"loss": {"mine": {"target": "m:X"}}})
    typed = found.names("loss")
    assert set(typed) == {"focal", "fl", "mse", "losses/focal", "losses/fl", "losses/mse", "best", "mine"}
    assert typed == sorted(typed)
    assert all(found.find("loss", name) for name in typed)


MANY = [
    LOSSES,
    bundled("timm", loss("timm_loss")),
    plugin("acme", loss("poly"), loss("focal")),
    plugin("beta", loss("poly", aliases=("p",))),
    plugin("gamma", state="failed"),
]


def answers(found: Registry) -> list[object]:
    """Everything a registry says of its names."""
    said: list[object] = [found.entries()]
    for name in [*found.names("loss"), "polly", "gamma/x"]:
        try:
            said.append(found.find("loss", name))
        except RequestError as error:
            said.append(str(error))
    return said


@given(order=st.permutations(MANY))
@settings(deadline=None)
def test_the_order_of_plugins_decides_nothing(order: list[LoadedPlugin]):
    names = sorted({name for p in MANY for entry in p.entries for name in entry.names})
    mine, usual = registry(*order), registry(*MANY)
    for name in names:
        try:
            assert mine.find("loss", name) is usual.find("loss", name)
        except RequestError:
            with pytest.raises(RequestError):
                mine.find("loss", name)
    assert mine.entries() == usual.entries()


def test_the_order_in_which_distributions_are_found_decides_nothing(
    make_plugin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    import sys

    for name in ("acme", "beta", "zulu"):
        make_plugin(name, HEAD + f"@hookimpl\ndef zoo_losses():\n    yield Loss('poly', 'm:X')\n    yield {name!r}\n")
        make_plugin(f"{name}2", HEAD + "@hookimpl\ndef zoo_losses():\n    yield Loss('poly', 'm:X')\n")
    make_plugin("twice", HEAD, distribution="zoo-one")
    make_plugin("twice", HEAD, distribution="zoo-two")
    shelf, seen, shuffle = RegistryConfig([]), [], random.Random(0)
    path = list(sys.path)
    for _ in range(4):
        found = discover()
        seen.append(([(p.name, p.state, p.problem) for p in found], answers(Registry(found, shelf))))
        shuffle.shuffle(path)
        monkeypatch.setattr(sys, "path", list(path))
    assert all(one == seen[0] for one in seen)


def test_a_word_for_a_kind_may_be_plural():
    assert [check_kind(word) for word in ("loss", "losses", "datasets", "metric")] == [
        "loss",
        "loss",
        "dataset",
        "metric",
    ]
    assert {check_kind(kind) for kind in KINDS} == set(KINDS)
    with pytest.raises(UnknownName, match=r"Unknown kind 'archtectures'\. Did you mean 'architectures'"):
        check_kind("archtectures")


def test_the_opened_registry_has_plugins_and_the_folders_shelf(make_plugin: Callable[..., Path]):
    make_plugin("acme", HEAD + "@hookimpl\ndef zoo_losses():\n    yield Loss('poly', 'm:X')\n")
    make_plugin("loud", "raise RuntimeError")
    make_plugin("broken", "raise RuntimeError")
    Path("registry.yaml").write_text("aliases: {loss: {best: poly}}\nplugins: {disable: [broken]}\n")
    told: list[str] = []
    found = open_registry(say=lambda plugins: told.extend(p.name for p in plugins if p.state == "failed"))
    assert found.find("loss", "best").id == "acme/poly"
    assert told == ["loud"]


# -- variants of families' members --------------------------------------------------------------------------


def varied(name: str, words: str = "a1 a2 b", distribution: str = DISTRIBUTION, **more: object) -> LoadedPlugin:
    """A plugin with one member of a family, ``net``, and its variants."""
    origin = Origin(name, distribution, "1.0")
    fields = {word: {"summary": "A variant"} for word in words.split()}
    member = Entry(loss("net"), origin, member="net", variants=fields, **more)  # type: ignore[arg-type]
    return LoadedPlugin(origin, f"zoo_{name}", "enabled", entries=[member])


def test_a_variant_is_found_by_every_form_of_its_name():
    found = registry(varied("lib"), aliases={"loss": {"mine": "lib/net.a2"}}, components={"loss": {"own": BASED}})
    for name in ("net.a2", "lib/net.a2", "mine"):
        assert found.find("loss", name).id == "lib/net.a2"
    assert found.find("loss", "net").id == "lib/net"
    assert (found.find("loss", "own").member, found.find("loss", "own").variant_of) == ("net.a1", None)
    with pytest.raises(UnknownName):
        found.find("loss", "own.a2")
    assert [e.id for e in found.entries()] == ["lib/net", "local/own"]
    assert [e.id for e in found.variants()] == ["lib/net.a1", "lib/net.a2", "lib/net.b"]
    assert [e.id for e in found.variants("loss", "A")] == ["lib/net.a1", "lib/net.a2"]
    assert [e.id for e in found.variants("loss", "lib/net.b")] == ["lib/net.b"]
    assert found.variants("loss", "lib") == found.variants("metric") == []
    assert not any("." in name for name in found.names("loss")), "did you mean: base names"


BASED = {"base": "net.a1"}


def test_a_variant_gives_way_as_its_family_does_and_to_no_third_party():
    found = registry(varied("lib", gives_way=True), varied("better", "a1"), plugin("acme", loss("net.b")))
    assert found.find("loss", "net.a1").id == "better/net.a1"
    assert found.find("loss", "net.a2").id == "lib/net.a2", "nobody else has it"
    assert found.find("loss", "net.b").id == "lib/net.b"
    assert found.clashes() == [
        "loss 'net.b' is provided by acme/net.b (zoo-acme) and lib/net.b (visionzoo): it means lib/net.b, of the zoo."
    ]


def test_two_third_party_variants_of_one_name_are_an_error():
    found = registry(varied("acme", distribution="zoo-acme"), varied("beta", "a1", "zoo-beta"))
    with pytest.raises(RequestError, match=r"acme/net\.a1 .* and beta/net\.a1 .*Use the full id"):
        found.find("loss", "net.a1")
    assert found.find("loss", "net.b").id == "acme/net.b"


def test_a_wrong_word_is_told_with_those_of_its_base_and_a_wrong_base_with_the_word():
    found = registry(varied("lib", "abc1 xyz"))
    said = r"Unknown loss 'lib/net.abc2': lib/net has no variant 'abc2'\. Did you mean 'lib/net\.abc1'\? See: zoo info"
    with pytest.raises(UnknownName, match=said):
        found.find("loss", "lib/net.abc2")
    with pytest.raises(UnknownName, match=r"net has no variant 'q'\. It has: abc1, xyz\. See: zoo info net$"):
        found.find("loss", "net.q")
    with pytest.raises(UnknownName, match=r"Unknown loss 'nett\.xyz'\. Did you mean 'net\.xyz'\?"):
        found.find("loss", "nett.xyz")
    with pytest.raises(UnknownName, match=r"Unknown loss 'nett\.q'\. Did you mean 'net'\?"):
        found.find("loss", "nett.q")
