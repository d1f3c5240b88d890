"""An entry of the registry: a component, where it comes from, and how its factory is reached."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import ModuleType
from typing import Any

from zoo.errors import RequestError
from zoo.names import did_you_mean
from zoo.plugin import KINDS, Component, Family

DISTRIBUTION = "visionzoo"
LOCAL = "local"
PYTHON = "python"


@dataclass(frozen=True)
class Origin:
    """Where a component comes from. ``plugin`` is its entry point's name, or ``local``."""

    plugin: str
    distribution: str | None = None
    version: str | None = None

    @property
    def bundled(self) -> bool:
        return self.distribution == DISTRIBUTION


@dataclass(frozen=True)
class Entry:
    """A registered component.

    Args:
        member: the name given first to a family's factory; None for a component of its own.
        params: preset parameters, below those of a job (a local component's ``params``).
        file: the Python file of a local component, whose target then names a module by the file's stem.
        given: a factory handed over from Python, in place of one to import.
    """

    component: Component
    origin: Origin
    member: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None
    given: Callable[..., Any] | None = None
    gives_way: bool = False

    @property
    def id(self) -> str:
        return f"{self.origin.plugin}/{self.component.name}"

    @property
    def kind(self) -> str:
        return self.component.kind

    @property
    def names(self) -> tuple[str, ...]:
        return (self.component.name, *self.component.aliases)

    def factory(self) -> Callable[..., Any]:
        """Import the factory; a family's has the member's name bound to its first argument.

        Raises:
            RequestError: the module or the attribute can't be had.
        """
        if self.given is not None:
            return self.given
        module_name, _, attribute = self.component.target.partition(":")
        module = self._module(module_name)
        try:
            found: Any = functools.reduce(getattr, attribute.split("."), module)
        except AttributeError as error:
            where = self.file or module_name
            hint = did_you_mean(attribute, [n for n in vars(module) if not n.startswith("_")])
            raise RequestError(f"{self.kind} {self.id!r}: there is no {attribute!r} in {where}.{hint}") from error
        return found if self.member is None else functools.partial(found, self.member)

    def _module(self, name: str) -> ModuleType:
        try:
            return load_file(self.file) if self.file else importlib.import_module(name)
        except (Exception, SystemExit) as error:  # a script without a guard may call sys.exit() when it is imported
            where = self.file or name
            raise RequestError(
                f"{self.kind} {self.id!r} of {self.describe_origin()} can't be imported from {where}: "
                f"{type(error).__name__}: {error}. Mend or reinstall it, or choose another: zoo list {self.kind}"
            ) from error

    def describe_origin(self) -> str:
        """``plugin 'timm' (visionzoo 0.1.0)``, or ``this folder's registry.yaml``."""
        if self.origin.plugin == LOCAL:
            return "registry.yaml"
        return f"plugin {self.origin.plugin!r} ({self.origin.distribution} {self.origin.version})"

    def source_file(self) -> Path | None:
        """The file that defines the factory, if Python knows."""
        factory = self.factory()
        try:
            found = inspect.getsourcefile(inspect.unwrap(getattr(factory, "func", factory)))
        except TypeError:
            return None
        return Path(found) if found else None

    def provenance(self) -> dict[str, Any]:
        """What a result records of the component: id, distribution, version, target, and its file's hash."""
        import hashlib

        source = self.source_file()
        digest = hashlib.sha256(source.read_bytes()).hexdigest() if source and source.is_file() else None
        return {
            "kind": self.kind,
            "id": self.id,
            "distribution": self.origin.distribution,
            "version": self.origin.version,
            "target": f"{self.file}:{self.component.target.partition(':')[2]}" if self.file else self.component.target,
            "sha256": digest,
        }


def family_entries(family: Family, origin: Origin) -> list[Entry]:
    """An entry for each name of a family's packaged list, with the fields of the heading it stands under.

    Raises:
        FileNotFoundError: the package has no such list.
        ValueError: a name or a heading is malformed.
    """
    package, _, filename = family.names.partition(":")
    listed = pkgutil.get_data(package, filename)  # importlib.resources takes 10 ms to import
    if listed is None:
        raise FileNotFoundError(f"{package} has no file {filename}")
    cls = KINDS[family.kind]
    shared = own = {"summary": family.summary, "tags": family.tags, **family.attributes}
    found = []
    for line in listed.decode().splitlines():
        if line.startswith("#"):
            own = {**shared, **_heading(line, family.kind)}
            continue
        found += [
            Entry(cls(name, family.target, **own), origin, member=name, gives_way=family.gives_way)
            for name in line.split()
        ]
    return found


# How a heading's words are read, by the annotation of the component's field.
_READERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda word: {"true": True, "false": False}[word],
    "tuple[str, ...]": lambda words: tuple(words.split(",")),
    "tuple[float, ...]": lambda words: tuple(map(float, words.split(","))),
}
_OF_ONE = ("name", "target", "aliases")  # no two components share these


def _heading(line: str, kind: str) -> dict[str, Any]:
    """The fields that a heading of a family's list gives to the names below it.

    Raises:
        ValueError: a word's key is no field that names can share, or its value malformed.
    """
    types = _field_types(kind)
    values = {}
    for word in line[1:].split():
        key, _, value = word.partition("=")
        if key not in types:
            raise ValueError(f"{word!r} in the heading {line!r}: it takes key=value words of {', '.join(types)}")
        try:
            values[key] = _READERS[types[key]](value)
        except (ValueError, KeyError):
            raise ValueError(f"{word!r} in the heading {line!r}: {key} is of type {types[key]}") from None
    return values


@functools.cache
def _field_types(kind: str) -> dict[str, str]:
    """The fields of a kind of component that a heading can set, each with its type as it is annotated."""
    types = {f.name: str(f.type).removesuffix(" | None") for f in fields(KINDS[kind]) if f.name not in _OF_ONE}
    return {name: type_ for name, type_ in types.items() if type_ in _READERS}


def load_file(path: Path) -> ModuleType:
    """Import a Python file that belongs to no package; its neighbours can be imported from it.

    The module is registered under a name made from its path, so that classes of it can be pickled to workers.
    """
    import hashlib

    path = path.resolve()
    name = f"zoo_local_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"no such Python file: {path}")
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]  # a half-run module must not pass for a loaded one
        raise
    return module
