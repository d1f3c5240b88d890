"""The registry: lookup of every component by kind and name.

A short name resolves to a project alias, then a component that this process has registered, then a local component,
then a bundled component, then the only third-party match. Two third-party matches are an error that lists both:
installing a plugin never changes what a name means.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.errors import ContractError, RequestError, UnknownName
from zoo.plugin import CacheKind
from zoo.registry import registered
from zoo.registry.command_names import command_clashes
from zoo.registry.config import Local, RegistryConfig
from zoo.registry.entry import LOCAL, PYTHON, Entry, owners_of
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.recipe_book import RecipeBook
from zoo.registry.settings_book import SettingsBook
from zoo.registry.suggest import did_you_mean, listing, near, suggestion

_OPTIONS = {"metric": "metrics", "augmentation": "augment"}
"""Options of ``zoo.run`` that are not named like their kind."""


class Registry:
    """Components of plugins and of registry.yaml, by kind and name."""

    latest: Registry | None = None
    """The registry that this process has opened last, for code of plugins that gets none passed."""

    def __init__(self, plugins: list[LoadedPlugin], shelf: RegistryConfig):
        self.plugins = plugins
        self.shelf = shelf
        shelf.check_kinds()
        self.recipes = RecipeBook(shelf, (recipe for plugin in plugins for recipe in plugin.recipes))
        self.settings = SettingsBook((plugin.settings for plugin in plugins if plugin.settings), shelf)
        Registry.latest = self
        self.remembered: dict[Any, Any] = {}
        """Cached facts about datasets, shared by all jobs that this registry resolves."""
        self._by_id: dict[tuple[str, str], Entry] = {}
        self._by_name: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for plugin in plugins:
            for entry in plugin.entries:
                self._add(entry)

    def _add(self, entry: Entry) -> None:
        for name in entry.names:
            self._by_name[entry.kind, name].append(entry)
            self._by_id[entry.kind, f"{entry.origin.plugin}/{name}"] = entry

    @cached_property
    def _locals(self) -> dict[tuple[str, str], Entry]:
        entries: dict[tuple[str, str], Entry] = {}
        for item in self.shelf.locals:
            entry = item.entry() if "target" in item.spec else self._on_base(item)
            entries.update({(item.kind, name): entry for name in entry.names})
        return entries

    def _on_base(self, item: Local) -> Entry:
        base = self.plugin_entry(item.kind, str(item.spec["base"]))
        if base is None:
            raise UnknownName(
                f"{item.layer}: components: {item.kind}: {item.name}: its base {item.spec['base']!r} is not a "
                f"registered {item.kind}.{did_you_mean(str(item.spec['base']), self.names(item.kind, local=False))}"
            )
        return item.on_base(base.without_variants())

    def entries(self, kind: str | None = None) -> list[Entry]:
        """List all entries once, sorted by kind and id, without the variants of families' members."""
        mine = (*self._by_id.values(), *self._locals.values(), *registered.entries())
        unique = {(e.kind, e.id): e for e in mine}
        return [e for (k, _), e in sorted(unique.items()) if kind in (None, k)]

    def names(self, kind: str, *, local: bool = True) -> list[str]:
        """List all valid names of a kind: short names, aliases and full ids."""
        extra = [*(n for k, n in self._locals if k == kind), *registered.names(kind)] if local else []
        mine = [n for k, n in self._by_name if k == kind]
        return sorted({*extra, *mine, *self.shelf.aliases[kind], *(i for k, i in self._by_id if k == kind)})

    def variants(self, kind: str | None = None, word: str = "") -> list[Entry]:
        """List the variants of families' members, grouped by member.

        Args:
            word: filter, case-insensitive, on the name or, with a slash, on the id.
        """
        word, full = word.lower(), "/" in word
        return [
            entry.variant(each)
            for entry in self.entries(kind)
            for each in sorted(entry.variants)
            if word in f"{entry.id if full else entry.component.name}.{each}".lower()
        ]

    def find(self, kind: str, name: str) -> Entry:
        """Find the entry with a name.

        Raises:
            UnknownName: no component has that name; the message has suggestions, or the plugin that would provide it.
            RequestError: two third-party plugins have the name.
        """
        found = self._found(kind, name)
        if found is None:
            raise UnknownName(self._unknown(kind, self.shelf.aliases[kind].get(name, name)))
        return found

    def _found(self, kind: str, name: str) -> Entry | None:
        name = self.shelf.aliases[kind].get(name, name)
        if (own := registered.find(kind, name)) is not None:
            return own
        local = self._locals.get((kind, name.removeprefix(f"{LOCAL}/")))
        return local or self.plugin_entry(kind, name)

    def plugin_entry(self, kind: str, name: str) -> Entry | None:
        """Find the component of a plugin by name; None without one. Two third-party ones raise a RequestError."""
        matches = _standing(self._named(kind, name))
        if "/" in name:
            return matches[0] if matches else None
        chosen = [e for e in matches if e.origin.bundled] or matches
        if len(chosen) > 1:
            raise RequestError(f"{kind} {name!r} is provided by several plugins: {owners_of(chosen)}. Use the full id.")
        return chosen[0] if chosen else None

    def _named(self, kind: str, name: str) -> list[Entry]:
        """Entries of plugins with a short name or full id, including variants."""
        base, _, word = name.rpartition(".")
        variants = (e.variant(word) for e in self._listed(kind, base) if word in e.variants)
        return [*self._listed(kind, name), *variants]

    def _listed(self, kind: str, name: str) -> list[Entry]:
        if "/" in name:
            return [self._by_id[kind, name]] if (kind, name) in self._by_id else []
        return self._by_name.get((kind, name), [])

    def no_variant(self, kind: str, name: str) -> str | None:
        """Message for an unknown name ``BASE.WORD`` where ``BASE`` has variants; None for any other name."""
        base, _, word = name.rpartition(".")
        variants = [each for entry in self._listed(kind, base) for each in entry.variants]
        if not variants:
            return None
        hint = suggestion(f"{base}.{each}" for each in near(word, variants)) or f" It has: {listing(variants)}."
        return f"Unknown {kind} {name!r}: {base} has no variant {word!r}.{hint} See: zoo info {base}"

    def suggest(self, kinds: Iterable[str], name: str) -> str:
        """Suggest names similar to an unknown one, with its variant where they have it."""
        kinds = list(kinds)
        known = [each for kind in kinds for each in (self.names(kind) if "/" in name else self._short(kind))]
        base, _, word = name.rpartition(".")
        found = near(base or name, known) or near(name, known)
        entries = {each: [entry for kind in kinds for entry in self._listed(kind, each)] for each in found}
        return suggestion(
            f"{each}.{word}" if any(word in entry.variants for entry in having) else each
            for each, having in entries.items()
        )

    def _short(self, kind: str) -> list[str]:
        return sorted({e.component.name for e in self.entries(kind)})

    def _unknown(self, kind: str, name: str) -> str:
        if said := self.no_variant(kind, name):
            return said
        if name.startswith(f"{PYTHON}/"):
            own = name.removeprefix(f"{PYTHON}/")
            return (
                f"{kind} {name!r} comes from Python code that this process has not run: register it, by "
                f"@zoo.register.{kind}({own!r}) or the import of the module that does, or give the object again, as in "
                f"zoo.run(…, {_OPTIONS.get(kind, kind)}=…)."
            )
        short = self._short(kind)
        hint = self.suggest([kind], name)
        text = f"Unknown {kind} {name!r}.{hint}"
        for plugin in self.plugins:
            if plugin.name == name.partition("/")[0] and plugin.state != "enabled":
                return f"{text} The plugin {plugin.name!r} is {plugin.state}; see: zoo plugins doctor {plugin.name}"
        if package := self._in_catalogue(kind, name):
            return f"{text} A plugin of the catalogue provides it: zoo plugins install {package}"
        # A few of a thousand names would not help.
        valid = "" if len(short) > (12 if hint else 40) else f" Valid are: {listing(short)}."
        return f"{text}{valid} See: zoo list {kind}"

    def _in_catalogue(self, kind: str, name: str) -> str | None:
        from fnmatch import fnmatchcase

        for plugin, known in self.shelf.catalogue.items():
            if any(fnmatchcase(name, pattern) for pattern in (known.get("provides") or {}).get(kind, ())):
                return plugin
        return None

    def clashes(self, plugins: Iterable[str] = ()) -> list[str]:
        """Sentences about short names that more than one plugin has, or a plugin and the core, sorted.

        Args:
            plugins: only names of these plugins; all by default.
        """
        wanted = set(plugins)
        said = []
        for kind, name in sorted(key for key in self._by_name if key[0] != "command"):
            entries = _standing(self._named(kind, name))
            owners = owners_of(sorted(entries, key=lambda e: e.id))
            if len(entries) > 1 and (not wanted or wanted & {e.origin.plugin for e in entries}):
                ours = next((e.id for e in entries if e.origin.bundled), None)
                means = f"it means {ours}, of the zoo" if ours else "use the full id"
                said.append(f"{kind} {name!r} is provided by {owners}: {means}.")
        commands = command_clashes(self.entries("command"))
        return said + [text for found, text in commands if not wanted or wanted & {e.origin.plugin for e in found}]

    @property
    def cache_kinds(self) -> list[CacheKind]:
        """The kinds of files in the user's cache that plugins have described."""
        return [kind for plugin in self.plugins for kind in plugin.cache_kinds]

    def model_source(self, word: str) -> Entry | None:
        """Find the model source for a word such as ``hf:owner/name``; None for any other word.

        Raises:
            RequestError: two third-party plugins have a source of that name.
        """
        name, colon, _ = word.partition(":")
        return self.plugin_entry("model_source", name) if colon else None

    def opener(self, form: str, path: Path | None = None) -> Entry | None:
        """Find the dataset that opens paths of this form: ``"folder"``, or a file's suffix such as ``".csv"``.

        Args:
            form: form of the path.
            path: an existing path, for the datasets that recognise theirs by the content; None leaves them out.

        Raises:
            RequestError: several datasets open it, or each dataset of its form has to recognise it and none does.
        """
        able = [e for e in self.entries("dataset") if form in getattr(e.component, "opens", ())]
        asked = [e for e in able if getattr(e.component, "recognises", None)] if path is not None else []
        found = claimants([e for e in able if not getattr(e.component, "recognises", None)])
        if path is not None and not any("opens" in e.stated for e in found):
            found = preferred([e for e in asked if recognises(e, path)]) or found
        if len(found) > 1:
            raise RequestError(
                f"{f'A path of the form {form!r}' if path is None else path} is opened by several "
                f"{'plugins' if path is None else 'datasets'}: {owners_of(found)}. Choose one by its full id: zoo run "
                f"ARCHITECTURE {found[0].id} --data PATH"
            )
        if asked and not found:
            raise RequestError(
                f"{path} is not recognised by the datasets for {form}: {listing([e.id for e in asked])}. To see what "
                f"one of them expects, name it: zoo run ARCHITECTURE {asked[0].id} --data {path}"
            )
        return found[0] if found else None

    def by_scheme(self, word: str) -> Entry | None:
        """Find the dataset for an address such as ``hf:owner/name``; None for any other word.

        Raises:
            RequestError: several plugins have a dataset for the scheme.
        """
        name, colon, _ = word.partition(":")
        able = [e for e in self.entries("dataset") if colon and getattr(e.component, "scheme", None) == name]
        found = preferred(able)
        if len(found) > 1:
            raise RequestError(
                f"The scheme {name!r} is opened by several datasets: {owners_of(found)}. Choose one by its full id: "
                f"zoo run ARCHITECTURE {found[0].id} --set dataset.address=ADDRESS"
            )
        return found[0] if found else None


def recognises(entry: Entry, path: Path) -> bool:
    """Check that a dataset recognises a path by its content; a path that it can't read is not recognised.

    Raises:
        RequestError: the function can't be imported.
        ContractError: the function fails.
    """
    known = entry.attribute(str(getattr(entry.component, "recognises", "")))
    try:
        return bool(known(path))
    except OSError:
        return False
    except Exception as error:
        raise ContractError(
            f"{entry.title_of_fault} fails to recognise {path}: {type(error).__name__}: {error}{entry.place_in(error)}"
        ) from error


def preferred(able: list[Entry]) -> list[Entry]:
    """Entries that state in registry.yaml what they open, else those of plugins, else local ones."""
    local = [e for e in able if e.origin.plugin == LOCAL]
    stated = [e for e in local if {"opens", "recognises", "scheme"} & e.stated]
    return stated or [e for e in able if e.origin.plugin != LOCAL] or local


def claimants(able: list[Entry]) -> list[Entry]:
    """Choose among entries that can open a form of file; more than one entry is an ambiguity.

    A local component that states the form in registry.yaml is a choice of the user, and goes first. Otherwise every
    plugin that opens the form is listed, bundled ones first; entries with one reader count as one. Of bundled entries
    only the first counts, since they are made for each other.
    """
    local = [e for e in able if e.origin.plugin == LOCAL]
    if stated := [e for e in local if {"opens", "suffix"} & e.stated]:
        return stated
    bundled = [e for e in able if e.origin.bundled][:1]
    others = [e for e in able if not e.origin.bundled and e.origin.plugin != LOCAL]
    readers = {getattr(e.component, "reader", None) or e.id: e for e in reversed([*bundled, *others])}
    return list(readers.values())[::-1] or local


def _standing(entries: list[Entry]) -> list[Entry]:
    """Remove bundled entries that give way to another bundled one of the same name."""
    if not any(e.origin.bundled and not e.gives_way for e in entries):
        return entries
    return [e for e in entries if not (e.origin.bundled and e.gives_way)]
