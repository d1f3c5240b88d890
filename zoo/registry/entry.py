"""An entry of the registry: a component, where it comes from, and how its factory is reached."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from zoo.errors import RequestError
from zoo.plugin import KINDS, Component, Family
from zoo.registry.family import Fields, members
from zoo.registry.suggest import did_you_mean
from zoo.registry.tracebacks import code_of, installed_places, place_in

DISTRIBUTION = "visionzoo"
LOCAL = "local"
PYTHON = "python"
used: dict[tuple[str, str], Entry] = {}
"""The components whose factory this process has asked for, by kind and id: whoever fails is among them."""
made: dict[type, Entry] = {}
"""The components that have made an object of a class, the last of each class."""


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
        variants: of a family's member, each variant's word (``a1_in1k`` of ``resnet50.a1_in1k``) with its fields. They
            are entries when they are asked for: there are more of them than members.
        default_variant: the word of the variant that the member is as it stands.
        variant_of: of a variant, the member's name.
    """

    component: Component
    origin: Origin
    member: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None
    given: Callable[..., Any] | None = None
    gives_way: bool = False
    variants: Mapping[str, Fields] = field(default_factory=dict, repr=False)
    default_variant: str | None = None
    variant_of: str | None = None

    @property
    def id(self) -> str:
        return f"{self.origin.plugin}/{self.component.name}"

    @property
    def kind(self) -> str:
        return self.component.kind

    @property
    def title(self) -> str:
        """``loss 'losses/focal'``; of a stranger's, with where it comes from."""
        known = self.origin.bundled or self.origin.distribution is None
        return f"{self.kind} {self.id!r}" if known else self.full_title

    @property
    def full_title(self) -> str:
        """``loss 'acme/hinge' of plugin 'acme' (zoo-acme 1.2.3)``."""
        return f"{self.kind} {self.id!r} of {self.describe_origin()}"

    @property
    def names(self) -> tuple[str, ...]:
        return (self.component.name, *self.component.aliases)

    def variant(self, word: str) -> Entry:
        """The entry of a variant of this member, a component like any other.

        Raises:
            KeyError: it has no such variant.
        """
        base = self.component
        component = type(base)(f"{base.name}.{word}", base.target, **self.variants[word])
        return replace(self.without_variants(), component=component, member=component.name, variant_of=base.name)

    def without_variants(self) -> Entry:
        """The same where it is neither a variant nor has any: what another component is made from."""
        return replace(self, variants={}, default_variant=None, variant_of=None)

    def factory(self) -> Callable[..., Any]:
        """Import the factory; a family's has the member's name bound to its first argument.

        Raises:
            RequestError: the module or the attribute can't be had.
        """
        used[self.kind, self.id] = self
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

    def make(self, *args: Any, **kwargs: Any) -> Any:
        """Call the factory, and keep in mind of which class its object is.

        Raises:
            RequestError: the module or the attribute can't be had.
        """
        found = self.factory()(*args, **kwargs)
        made[type(found)] = self
        return found

    def _module(self, name: str) -> ModuleType:
        try:
            return load_file(self.file) if self.file else importlib.import_module(name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a script without a guard may call sys.exit() when it is imported
            where = self.file or name
            raise RequestError(
                f"{self.full_title} can't be imported from {where}: {type(error).__name__}: {error}"
                f"{self.place_in(error)}. Mend or reinstall it, or choose another: zoo list {self.kind}"
            ) from error

    def holds(self, file: str) -> bool:
        """Whether a file is this component's code: of its package or, where it is local, beside its own file."""
        if self.file is not None:
            return file.startswith(f"{self.file.parent}{os.sep}") and not file.startswith(installed_places())
        code = code_of(self.component.target.partition(":")[0])
        return code is not None and (file.startswith(code) if code.endswith(os.sep) else file == code)

    def place_in(self, error: BaseException) -> str:
        """The last line of its code that an exception came through: ``" (parts.py, line 12)"``.

        Returns:
            Nothing for a bundled component, whose errors are about what it was given, and where none is to be seen.
        """
        place = None if self.origin.bundled else place_in(error, self.holds)
        return f" ({place})" if place else ""

    def describe_origin(self) -> str:
        """``plugin 'timm' (visionzoo 0.1.0)``, or ``this folder's registry.yaml``."""
        if self.origin.plugin == LOCAL:
            return "registry.yaml"
        if self.origin.distribution is None:
            return "your Python code"
        return f"plugin {self.origin.plugin!r} ({self.origin.distribution} {self.origin.version})"

    def source_file(self) -> Path | None:
        """The file that defines the factory, if Python knows."""
        factory: Any = self.factory()
        if self.kind == "command":  # click's, around a function
            factory = getattr(factory, "callback", None) or factory
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

    A variant is made by its base's entry, when it is asked for.

    Raises:
        FileNotFoundError: the package has no such list.
        ValueError: a name or a heading is malformed, or a variant is listed twice, or is one of a variant.
    """
    cls = KINDS[family.kind]
    return [
        Entry(
            cls(base.name, family.target, **base.fields),
            origin,
            member=base.name,
            gives_way=family.gives_way,
            variants=base.variants,
            default_variant=base.default,
        )
        for base in members(family)
    ]


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
