"""Entries: how a factory is reached, what is said when it can't be, and what a result records of it."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import RequestError
from zoo.host.loader import discover
from zoo.plugin import Architecture, Family, Loss, Metric
from zoo.registry.entry import DISTRIBUTION, LOCAL, Entry, Origin, family_entries, load_file

OTHER = Origin("acme", "zoo-acme", "1.2.3")


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Write a Python file of a user's; what importing it leaves behind is taken away."""
    modules, paths = set(sys.modules), list(sys.path)

    def written(source: str, name: str = "my_models.py") -> Path:
        path = tmp_path / "mine" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
        return path

    yield written
    sys.path[:] = paths
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def local(file: Path, attribute: str) -> Entry:
    return Entry(Architecture("mine", f"{file.stem}:{attribute}"), Origin(LOCAL), file=file)


def test_id_kind_and_names_are_the_components():
    entry = Entry(Loss("poly", "zoo_acme.losses:Poly", aliases=("poly1",)), OTHER)
    assert (entry.id, entry.kind, entry.names) == ("acme/poly", "loss", ("poly", "poly1"))
    assert not OTHER.bundled
    assert Origin("simple", DISTRIBUTION, "0.1").bundled


def test_the_factory_is_imported_when_it_is_asked_for():
    assert Entry(Loss("join", "posixpath:join"), OTHER).factory() is __import__("posixpath").join


def test_a_nested_attribute_is_found():
    import json

    assert Entry(Loss("d", "json:JSONDecoder.decode"), OTHER).factory() is json.JSONDecoder.decode


def test_a_given_factory_is_used_as_it_is():
    assert Entry(Loss("d", "nowhere:nothing"), OTHER, given=dict).factory() is dict


def test_a_family_members_name_comes_first():
    entry = Entry(Loss("b", "builtins:dict"), OTHER, member="b")
    assert entry.factory().args == ("b",)


def test_a_missing_module_is_told_with_its_owner():
    with pytest.raises(RequestError) as caught:
        Entry(Loss("poly", "zoo_nowhere.losses:Poly"), OTHER).factory()
    text = str(caught.value)
    assert "loss 'acme/poly' of plugin 'acme' (zoo-acme 1.2.3) can't be imported from zoo_nowhere.losses" in text
    assert "ModuleNotFoundError" in text
    assert "zoo list loss" in text


def test_a_missing_attribute_is_told_with_what_is_near():
    with pytest.raises(RequestError, match=r"there is no 'JSONDecodr' in json\. Did you mean 'JSONDecoder'"):
        Entry(Loss("d", "json:JSONDecodr"), OTHER).factory()


def test_a_local_file_is_imported_and_its_neighbours_too(write: Callable[..., Path]):
    write("WIDTH = 7\n", "zoo_test_neighbour.py")
    file = write("from zoo_test_neighbour import WIDTH\ndef net(): return WIDTH\n")
    assert local(file, "net").factory()() == 7


def test_a_local_file_is_imported_once(write: Callable[..., Path]):
    file = write("class Net: pass\n")
    assert load_file(file).Net is load_file(file).Net


def test_two_files_of_one_name_are_two_modules(write: Callable[..., Path], tmp_path: Path):
    first = write("def net(): return 1\n")
    (tmp_path / "other").mkdir()
    second = tmp_path / "other" / first.name
    second.write_text("def net(): return 2\n")
    assert [load_file(path).net() for path in (first, second)] == [1, 2]


def test_a_class_of_a_local_file_can_be_pickled(write: Callable[..., Path]):
    net = load_file(write("class Net:\n    width = 3\n")).Net()
    assert pickle.loads(pickle.dumps(net)).width == 3


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('boom')", "ValueError: boom"),
        ("def net(: pass", "SyntaxError"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_a_local_file_that_fails_is_named_and_not_kept(write: Callable[..., Path], source: str, reason: str):
    file = write(source)
    for _ in range(2):  # a half-run module must not pass for a loaded one
        with pytest.raises(RequestError, match=reason) as caught:
            local(file, "net").factory()
        assert f"'local/mine' of registry.yaml can't be imported from {file}" in str(caught.value)
    file.write_text("def net(): return 'mended'\n")
    assert local(file, "net").factory()() == "mended"


def test_a_missing_local_file_is_named(tmp_path: Path):
    with pytest.raises(RequestError, match="no such Python file"):
        local(tmp_path / "gone.py", "net").factory()


def test_provenance_has_id_distribution_version_target_and_the_files_hash():
    import json.decoder

    entry = Entry(Loss("d", "json.decoder:JSONDecoder"), OTHER)
    source = Path(json.decoder.__file__)
    assert entry.source_file() == source
    assert entry.provenance() == {
        "kind": "loss",
        "id": "acme/d",
        "distribution": "zoo-acme",
        "version": "1.2.3",
        "target": "json.decoder:JSONDecoder",
        "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
    }


def test_provenance_of_a_local_component_names_its_file(write: Callable[..., Path]):
    file = write("class Net: pass\n")
    found = local(file, "Net").provenance()
    assert (found["id"], found["target"], found["distribution"]) == ("local/mine", f"{file}:Net", None)
    assert found["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_provenance_of_what_has_no_source_has_no_hash():
    assert Entry(Loss("d", "builtins:dict"), OTHER).provenance()["sha256"] is None
    assert Entry(Loss("d", "builtins:len"), OTHER).provenance()["sha256"] is None


# -- families -----------------------------------------------------------------------------------------------

LISTED = """plain
# input_size=96 mean=0.5,0.25,0.5 interpolation=bicubic
large larger

# crop_pct=0.875
cut
# tags=odd,even std=0.5 input_size=8
small
#
plain_too
"""


@pytest.fixture
def family(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Family]:
    """A family of that list of names."""

    def listed(text: str, kind: str = "architecture", **more: Any) -> Family:
        module = write("", "zoo_family.py")
        (module.parent / "names.txt").write_text(text)
        monkeypatch.syspath_prepend(module.parent)
        return Family(kind, "m:create", "zoo_family:names.txt", **more)

    return listed


def test_a_family_has_an_entry_for_each_name_and_gives_it_its_attributes(family: Callable[..., Family]):
    given = family("one\ntwo three\n", tags=("t",), summary="Of mine", attributes={"input_size": 96}, gives_way=True)
    entries = family_entries(given, OTHER)
    assert [e.id for e in entries] == ["acme/one", "acme/two", "acme/three"]
    for entry in entries:
        assert entry.component == Architecture(
            entry.member or "", "m:create", tags=("t",), summary="Of mine", input_size=96
        )
        assert entry.gives_way


def test_names_have_the_fields_of_the_heading_they_stand_under(family: Callable[..., Family]):
    given = family(LISTED, tags=("t",), attributes={"input_size": 32, "std": (1.0,)})
    base: dict[str, Any] = {"tags": ("t",), "input_size": 32, "std": (1.0,)}
    large = {**base, "input_size": 96, "mean": (0.5, 0.25, 0.5), "interpolation": "bicubic"}
    assert [e.component for e in family_entries(given, OTHER)] == [
        Architecture("plain", "m:create", **base),
        Architecture("large", "m:create", **large),
        Architecture("larger", "m:create", **large),
        Architecture("cut", "m:create", **base, crop_pct=0.875),
        Architecture("small", "m:create", tags=("odd", "even"), std=(0.5,), input_size=8),
        Architecture("plain_too", "m:create", **base),
    ]


VARIED = """# input_size=8 crop_pct=0.5
net
net.usual
net.other
x0.5
net-b.two
# input_size=16
net-b
net.large
"""


def test_a_name_with_a_word_after_another_name_is_a_variant_of_that(family: Callable[..., Family]):
    net, half, b = family_entries(family(VARIED, gives_way=True, tags=("t",)), OTHER)
    assert [e.id for e in (net, half, b)] == ["acme/net", "acme/x0.5", "acme/net-b"]
    assert (list(net.variants), net.default_variant) == (["usual", "other", "large"], "usual")
    assert (list(b.variants), b.default_variant) == (["two"], None), "it doesn't stand right below"
    assert (half.variants, half.default_variant, half.variant_of) == ({}, None, None)
    large = net.variant("large")
    assert large.component == Architecture("net.large", "m:create", tags=("t",), input_size=16), "its own fields only"
    assert (large.member, large.variant_of, large.variants, large.gives_way) == ("net.large", "net", {}, True)
    assert large.without_variants().variant_of is None
    with pytest.raises(KeyError):
        net.variant("small")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("net net.a net.a", "'net.a' is listed twice"),
        ("net\n# input_size=8\nnet", "'net' is listed twice"),
        ("net net.a net.a.b", r"net\.a\.b would be a variant of 'net\.a', which is itself a variant"),
        ("net net.ok net.a/b", "'net.a/b' is not a name"),
        ("net\n# crop_pct=2\nnet.a", "crop_pct 2.0 must be above 0"),
    ],
)
def test_a_variant_that_is_none_is_told(family: Callable[..., Family], text: str, reason: str):
    with pytest.raises(ValueError, match=reason):
        family_entries(family(text), OTHER)


def test_a_heading_takes_the_fields_of_its_own_kind(family: Callable[..., Family]):
    metrics = family_entries(family("# higher_is_better=false\nerror\n#higher_is_better=true\nhits", "metric"), OTHER)
    assert [e.component for e in metrics] == [
        Metric("error", "m:create", higher_is_better=False),
        Metric("hits", "m:create"),
    ]


@pytest.mark.parametrize(
    ("heading", "reason"),
    [
        (
            "# some words",
            r"'some' in the heading '# some words': it takes key=value words of summary, tags, .*crop_pct",
        ),
        ("# splits=train", "'splits=train' in the heading"),
        ("# name=x", "'name=x' in the heading"),
        ("# input_size=large", "'input_size=large' in the heading .*: input_size is of type int"),
        ("# input_size", "'input_size' in the heading .*: input_size is of type int"),
        ("# mean=0.5,grey", r"mean is of type tuple\[float, \.\.\.\]"),
        ("# interpolation=cubic", "interpolation 'cubic' is not one of bilinear, bicubic, nearest"),
        ("# crop_pct=87.5", "crop_pct 87.5 must be above 0 and at most 1"),
        ("# crop_pct=0", "crop_pct 0.0 must be above 0"),
    ],
)
def test_a_heading_that_is_none_is_told(family: Callable[..., Family], heading: str, reason: str):
    with pytest.raises(ValueError, match=reason):
        family_entries(family(f"{heading}\nnet\n"), OTHER)


def test_a_plugin_with_a_malformed_heading_is_set_aside(make_plugin: Callable[..., Path]):
    hook = "    yield Family('architecture', 'm:f', 'zoo_acme:names.txt')\n"
    site = make_plugin("acme", f"from zoo.plugin import *\n@hookimpl\ndef zoo_architectures():\n{hook}")
    (site / "names.txt").write_text("# size=224\nnet\n")
    (plugin,) = (plugin for plugin in discover() if plugin.name == "acme")
    assert (plugin.state, plugin.phase, plugin.entries) == ("failed", "contribute", [])
    assert "'size=224' in the heading '# size=224'" in str(plugin.problem)


def test_a_class_of_an_interactive_session_has_no_known_file():
    """As in a notebook, ``__main__`` has no file; ``inspect`` raises another error for classes than for functions."""
    code = (
        "from zoo.job.request import entry_of\n"
        "class Own: pass\n"
        "entry = entry_of('loss', Own)\n"
        "print(entry.source_file(), entry.provenance()['sha256'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "None None\n"
