"""Entry of the registry: a component, its origin, and access to its factory."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from zoo.errors import RequestError
from zoo.plugin import Component, Family
from zoo.registry.deprecation import warn_of, with_new_names
from zoo.registry.facts import table
from zoo.registry.family import Fields, members
from zoo.registry.kinds import ALL
from zoo.registry.suggest import did_you_mean
from zoo.registry.tracebacks import code_of, installed_places, place_in

DISTRIBUTION = "visionzoo"
LOCAL = "local"
PYTHON = "python"
used: dict[tuple[str, str], Entry] = {}
"""Components whose factory this process has requested, by kind and id; a failing component is among them."""
made: dict[Any, Entry] = {}
"""Last component that created an object of each class, or a function with each code."""


def identity(found: Any) -> Any:
    """What an object is recognised by: its class, or the code of a function; None for values of Python's own types."""
    if isinstance(found, functools.partial):
        return identity(found.func)
    if isinstance(found, FunctionType):
        return found.__code__
    return None if type(found).__module__ in ("builtins", "functools") else type(found)


def maker_of(found: Any) -> Entry | None:
    """Component that created an object, or another one like it."""
    return made.get(identity(found))


@dataclass(frozen=True)
class Origin:
    """Origin of a component; ``plugin`` is the name of its entry point, or ``local``."""

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
        component: the component's declaration.
        origin: the component's origin.
        member: name that a family's factory gets as its first argument; None for a single component.
        params: preset parameters, with lower precedence than a job's (``params`` of a local component).
        file: the Python file of a local component, whose target then names a module by the file's stem.
        given: a factory passed from Python, instead of one to import.
        of: the class or function behind a given factory, whose source is recorded.
        form: what was given from Python: ``"object"``, ``"class"`` or ``"function"``.
        gives_way: another bundled component of the same name takes precedence.
        variants: fields of each variant of a family's member, by its suffix (``a1_in1k`` of ``resnet50.a1_in1k``);
            their entries are created on demand, since there are many.
        default_variant: suffix of the variant that the member itself stands for.
        variant_of: name of the member, for a variant.
        facts: packaged table of the family, with fields that only listings show.
        home: folder of the registry.yaml that declares a local component; relative paths in ``params`` belong to it.
        stated: fields of the declaration that registry.yaml sets, of a local component.
    """

    component: Component
    origin: Origin
    member: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None
    given: Callable[..., Any] | None = None
    of: Any = field(default=None, repr=False, compare=False)
    form: str = ""
    gives_way: bool = False
    variants: Mapping[str, Fields] = field(default_factory=dict, repr=False)
    default_variant: str | None = None
    variant_of: str | None = None
    facts: str = ""
    stated: frozenset[str] = frozenset()
    home: Path | None = None

    @property
    def id(self) -> str:
        return f"{self.origin.plugin}/{self.component.name}"

    @property
    def kind(self) -> str:
        return self.component.kind

    @property
    def title(self) -> str:
        """Title for messages, such as ``loss 'losses/focal'``; with the origin for third-party components."""
        known = self.origin.bundled or self.origin.distribution is None
        return f"{self.kind} {self.id!r}" if known else self.full_title

    @property
    def full_title(self) -> str:
        """Title with the origin, such as ``loss 'acme/hinge' of plugin 'acme' (zoo-acme 1.2.3)``."""
        return f"{self.kind} {self.id!r} of {self.describe_origin()}"

    @property
    def title_of_fault(self) -> str:
        """Title with the distribution, such as ``loss 'acme/hinge' (zoo-acme 1.2.3)``."""
        origin = self.origin
        own = origin.plugin == LOCAL or origin.distribution is None
        return (
            f"{self.kind} {self.id!r} ({self.describe_origin() if own else f'{origin.distribution} {origin.version}'})"
        )

    @property
    def names(self) -> tuple[str, ...]:
        return (self.component.name, *self.component.aliases)

    def variant(self, word: str) -> Entry:
        """Create the entry of a variant of this member.

        Raises:
            KeyError: the member has no such variant.
        """
        base = self.component
        component = type(base)(f"{base.name}.{word}", base.target, **self.variants[word])
        return replace(self.without_variants(), component=component, member=component.name, variant_of=base.name)

    def listed(self) -> Component:
        """Return the declaration with the fields of the family's table, for listings.

        Raises:
            FileNotFoundError: the package has no such table.
            ValueError: the table is malformed.
        """
        if not self.facts:
            return self.component
        known = table(self.kind, self.facts)
        name = self.component.name
        others = (self.variant_of, f"{name}.{self.default_variant}")  # of a variant's base, or a base's variant
        fields = {key: value for other in (*others, name) for key, value in known.get(str(other), {}).items()}
        return replace(self.component, **fields)

    def without_variants(self) -> Entry:
        """Return a copy that neither is nor has a variant, as the base for another component."""
        return replace(self, variants={}, default_variant=None, variant_of=None)

    def factory(self) -> Callable[..., Any]:
        """Import the factory; for a family's member, with the member's name bound to the first argument.

        Raises:
            RequestError: the module can't be imported, or has no such attribute.
        """
        used[self.kind, self.id] = self
        warn_of(self.component, self.title)
        if self.given is not None:
            return self.given
        found = self.attribute(self.component.target)
        return found if self.member is None else functools.partial(found, self.member)

    def attribute(self, target: str) -> Any:
        """Import ``"module:attribute"`` of the component; a module named as the component's file is that file.

        Raises:
            RequestError: the module can't be imported, or has no such attribute.
        """
        module_name, _, attribute = target.partition(":")
        module = self._module(module_name)
        try:
            return functools.reduce(getattr, attribute.split("."), module)
        except AttributeError as error:
            where = self.file or module_name
            hint = did_you_mean(attribute, [n for n in vars(module) if not n.startswith("_")])
            raise RequestError(f"{self.kind} {self.id!r}: there is no {attribute!r} in {where}.{hint}") from error

    def with_new_names(self, given: Mapping[str, Any], where: str) -> tuple[Mapping[str, Any], list[str]]:
        """Replace old names of parameters, with a warning each.

        Args:
            given: parameters from one source.
            where: dotted path of the component in the job, for the messages.

        Returns:
            The parameters under their new names, and the problems of those that are given under both.
        """
        return with_new_names(self.component, self.title, given, where)

    def make(self, *args: Any, **kwargs: Any) -> Any:
        """Call the factory, and record the class of the object for error messages.

        Raises:
            RequestError: the module can't be imported, or has no such attribute.
        """
        found = self.factory()(*args, **kwargs)
        if (key := identity(found)) is not None:
            made[key] = self
        return found

    def _module(self, name: str) -> ModuleType:
        try:
            own = self.file is not None and name == self.component.target.partition(":")[0]
            return load_file(self.file) if own and self.file else importlib.import_module(name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a script may call sys.exit() on import
            where = self.file or name
            raise RequestError(
                f"{self.full_title} can't be imported from {where}: {type(error).__name__}: "
                f"{error}{self.place_in(error)}. Fix or reinstall it, or choose another: zoo list {self.kind}"
            ) from error

    def holds(self, file: str) -> bool:
        """Check that a file belongs to this component: in its package or, for a local one, beside its file."""
        if self.file is not None:
            return file.startswith(f"{self.file.parent}{os.sep}") and not file.startswith(installed_places())
        code = code_of(self.component.target.partition(":")[0])
        return code is not None and (file.startswith(code) if code.endswith(os.sep) else file == code)

    def place_in(self, error: BaseException) -> str:
        """Last line of the component's code in a traceback, such as ``" (parts.py:12)"``.

        Returns:
            Empty for a bundled component, whose errors concern its arguments, and without such a line.
        """
        place = None if self.origin.bundled else place_in(error, self.holds)
        return f" ({place})" if place else ""

    def describe_origin(self) -> str:
        """Describe the origin, such as ``plugin 'timm' (visionzoo 0.1.0)`` or ``registry.yaml``."""
        if self.origin.plugin == LOCAL:
            return "registry.yaml"
        if self.origin.distribution is None:
            return "your Python code"
        return f"plugin {self.origin.plugin!r} ({self.origin.distribution} {self.origin.version})"

    def source_file(self) -> Path | None:
        """File that defines the factory; None where Python doesn't know."""
        factory: Any = self.factory() if self.of is None else self.of
        if self.kind == "command":  # click's, around a function
            factory = getattr(factory, "callback", None) or factory
        try:
            found = inspect.getsourcefile(inspect.unwrap(getattr(factory, "func", factory)))
        except (TypeError, OSError):  # OSError: a class of an interactive session
            return None
        return Path(found) if found else None

    def provenance(self) -> dict[str, Any]:
        """Provenance for a result: id, distribution, version, target, and the hash of the source.

        The source is the file; of what was given from Python the text of the class or function.
        """
        import hashlib

        if self.origin.plugin == PYTHON:
            text = source_text(self.factory() if self.of is None else self.of)
            source = None if text is None else text.encode()
        else:
            file = self.source_file()
            source = file.read_bytes() if file and file.is_file() else None
        digest = None if source is None else hashlib.sha256(source).hexdigest()
        return {
            "kind": self.kind,
            "id": self.id,
            "distribution": self.origin.distribution,
            "version": self.origin.version,
            "target": f"{self.file}:{self.component.target.partition(':')[2]}" if self.file else self.component.target,
            "sha256": digest,
            **({"given": self.form} if self.form else {}),
        }


def owners_of(entries: Iterable[Entry]) -> str:
    """Format ids with distributions, such as ``acme/focal (zoo-acme) and best/focal (zoo-best)``."""
    return " and ".join(f"{e.id} ({e.origin.distribution or 'registry.yaml'})" for e in entries)


def family_entries(family: Family, origin: Origin) -> list[Entry]:
    """Entries of all members in a family's packaged list, with the fields of their headings.

    Entries of variants are created by :meth:`Entry.variant`.

    Raises:
        FileNotFoundError: the package has no such list.
        ValueError: a name or a heading is malformed, or a variant is listed twice or is a variant of a variant.
    """
    cls = ALL[family.kind].declaration
    return [
        Entry(
            cls(base.name, family.target, **base.fields),
            origin,
            member=base.name,
            gives_way=family.gives_way,
            variants=base.variants,
            default_variant=base.default,
            facts=family.facts,
        )
        for base in members(family)
    ]


def source_text(of: Any) -> str | None:
    """Source of a class or function; of a notebook's class that of its methods. None where Python doesn't know it."""
    of = inspect.unwrap(getattr(of, "func", of))
    try:
        return inspect.getsource(of)
    except (TypeError, OSError):
        methods = [each for each in vars(of).values() if inspect.isfunction(each)] if inspect.isclass(of) else []
    try:
        return "".join(inspect.getsource(each) for each in methods) or None
    except (TypeError, OSError):
        return None


def module_name(path: Path) -> str:
    """Name under which a Python file outside of any package is imported, derived from its path."""
    import hashlib

    path = path.resolve()
    return f"zoo_local_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def load_file(path: Path) -> ModuleType:
    """Import a Python file outside of any package; modules beside it become importable.

    The module is registered under a name derived from its path, so that its classes can be pickled.
    """
    path = path.resolve()
    name = module_name(path)
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
        del sys.modules[name]  # a partially executed module must not count as loaded
        raise
    return module
