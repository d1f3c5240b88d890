"""Checks of the settings: registry.yaml, plugins, environment variables and proxies."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from zoo.api.jobs import Registry
from zoo.api.plugins import (
    FILENAME,
    Entry,
    Layer,
    LoadedPlugin,
    RegistryConfig,
    near,
    read_layer,
    shipped_path,
    unmet_requirements,
    user_path,
)
from zoo.errors import RegistryFileError, ZooError
from zoo.reports.kit.text import short_path
from zoo_doctor.finding import Diagnosis, Examination, secretive, without_secrets

GROUP, PLUGINS = "Settings", "Plugins"
VARIABLES = (
    "ZOO_CACHE",
    "ZOO_OFFLINE",
    "ZOO_PLUGINS",
    "ZOO_HOOK_PATIENCE_S",
    "ZOO_IMPORT_PATIENCE_S",
    "ZOO_KEEP_MEMORY",
    "ZOO_PEERS_S",
    "ZOO_TRACK",
)
"""Environment variables of the zoo; similar names are probably typing errors."""
_WATCHED = re.compile(
    r"ZOO_\w+|OMP_NUM_THREADS|MKL_NUM_THREADS|CUDA_VISIBLE_DEVICES|CUDA_LAUNCH_BLOCKING|HF_\w+|TORCH_HOME|PYTORCH_\w+|"
    r"KERAS_BACKEND|PYTHONPATH|PYTHONUTF8|XDG_CACHE_HOME|XDG_CONFIG_HOME|NO_COLOR|COLUMNS"
)
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_LINE = re.compile(r"line (\d+)")
_WORD = re.compile(r"[\w./*+-]+")
_LONGEST = 80


def registries() -> Iterator[Diagnosis]:
    """Check every registry.yaml in effect, and locate its errors by line."""
    layers = []
    for path in _files():
        try:
            layers.append(read_layer(path))
        except RegistryFileError as error:
            yield _error_finding(path, str(error))
        else:
            yield from _missing_files(layers[-1])
            yield from _missing_plugins(layers[-1])
            yield Diagnosis(GROUP, "registry", "ok", f"{short_path(path)}{_content(layers[-1])}")


def _files() -> list[Path]:
    paths = dict.fromkeys(p.resolve() for p in (shipped_path(), user_path(), Path.cwd() / FILENAME))
    return [path for path in paths if path.is_file()]


def _content(layer: Layer) -> str:
    counts = {section: len(layer.section(section)) for section in ("recipes", "catalogue")}
    counts["components"] = sum(len(items or {}) for items in layer.section("components").values())
    counts["aliases"] = sum(len(items or {}) for items in layer.section("aliases").values())
    words = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return f": {words}" if words else ""


def _error_finding(path: Path, said: str) -> Diagnosis:
    line, shown = line_of(path, said), short_path(path)
    place = f"+{line} " if line else ""
    mend = ("edit that line" if line else "edit it", f"${{EDITOR:-vi}} {place}{shlex.quote(str(shown))}")
    said = said.removeprefix(str(path)).lstrip(": ")
    return Diagnosis(GROUP, "registry", "wrong", f"{shown}{f', line {line}' if line else ''}: {said}", (mend,))


def line_of(path: Path, said: str) -> int | None:
    """Find the line of a registry.yaml that an error message refers to; None where it can't be determined."""
    if found := _LINE.search(said):
        return int(found[1])
    try:
        node = yaml.compose(path.read_text("utf-8"), yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, OSError, RecursionError):
        return None
    line = None
    for word in _WORD.findall(said.removeprefix(str(path))):  # the message's words form a path of keys
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        for key, value in pairs:
            if key.value == word.strip("."):
                line, node = key.start_mark.line + 1, value
                break
    return line


def _missing_files(layer: Layer) -> Iterator[Diagnosis]:
    """Report local components whose file is missing."""
    for item in RegistryConfig([layer]).locals:
        file = str(item.spec.get("target", "")).rpartition(":")[0]
        if file.endswith(".py") and not (layer.path.parent / file).is_file():
            said = f"components: {item.kind}: {item.name}: there is no file {file}"
            found = _error_finding(layer.path, said)
            yield Diagnosis(GROUP, "registry", "warning", found.text, found.remedies)


def _missing_plugins(layer: Layer) -> Iterator[Diagnosis]:
    """Report required plugins that are not installed, or have another version."""
    try:
        unmet = list(unmet_requirements(RegistryConfig([layer])))
    except RegistryFileError as error:
        yield _error_finding(layer.path, str(error))
        return
    for each in unmet:
        found = "is not installed" if each.version is None else f"is not met by version {each.version}"
        text = f"{short_path(layer.path)} requires {each.requirement}, which {found}; zoo run refuses to start"
        yield Diagnosis(GROUP, "registry", "wrong", text, (("install it", each.command),))


def plugins() -> Iterator[Diagnosis]:
    """Summarise the findings of ``zoo plugins doctor``, one line each."""
    from zoo.api.plugins import alone, discover, examine, settings_problems

    shelf = _shelf()
    disabled = shelf.disabled
    found = discover(disabled, alone(disabled))
    counts = Counter(plugin.state for plugin in found)
    text = f"{len(found)} plugins" + "".join(f", {n} {state}" for state, n in sorted(counts.items()))
    yield Diagnosis(PLUGINS, "plugins", "ok", text, (("list their components", "zoo plugins list"),))
    for problem in settings_problems(found, shelf):
        yield Diagnosis(PLUGINS, "settings", "warning", problem, (("show each plugin's settings", "zoo info PLUGIN"),))
    for plugin in found:
        for each in examine(plugin):
            whose = f"{each.plugin} ({each.distribution} {each.version})"
            look = (("show details and fixes", f"zoo plugins doctor {each.plugin}"),)
            state = "wrong" if each.serious else "warning"
            yield Diagnosis(PLUGINS, each.plugin, state, f"{whose}: {each.problem}", look)  # type: ignore[arg-type]
        for entry in plugin.entries:
            if entry.kind == "health_check":
                yield from _contributed(entry)
    yield from _clashes(found, shelf)


def _clashes(found: list[LoadedPlugin], shelf: RegistryConfig) -> Iterator[Diagnosis]:
    """Report names that several plugins provide, and kinds in a registry.yaml that no plugin declares."""
    for layer in shelf.layers:
        try:
            RegistryConfig([layer]).check_kinds()
        except RegistryFileError as error:
            yield _error_finding(layer.path, str(error))
            return
    look = (("list the plugins", "zoo plugins list"),)
    for text in Registry(found, shelf).clashes():
        yield Diagnosis(PLUGINS, "names", "warning", text, look)


def _contributed(entry: Entry) -> Iterator[Diagnosis]:
    """Run a health check that a plugin contributes."""
    topic = entry.component.name

    def findings() -> Iterator[Diagnosis]:
        try:
            for state, text, remedies in entry.make():
                yield Diagnosis(PLUGINS, topic, state, text, tuple(remedies))
        except (Exception, SystemExit) as error:  # the plugin's own
            from zoo.api.jobs import summary_of  # slow to import

            text = f"{entry.title_of_fault} failed: {summary_of(error)}{entry.place_in(error)}"
            look = (("show details and fixes", f"zoo plugins doctor {entry.origin.plugin}"),)
            yield Diagnosis(PLUGINS, topic, "warning", f"{text}.", look)

    return Examination(PLUGINS, topic, findings).findings()


def _shelf() -> RegistryConfig:
    """Read the valid registry layers; errors in others are reported by :func:`registries`."""
    layers = []
    for path in _files():
        try:
            layers.append(read_layer(path))
        except ZooError:
            continue
    return RegistryConfig(layers)


def variables() -> Iterator[Diagnosis]:
    """Check the environment variables that affect the zoo."""
    mine = {name: value for name, value in os.environ.items() if _WATCHED.fullmatch(name)}
    for name in mine:
        if name.startswith("ZOO_") and name not in VARIABLES and (meant := near(name, VARIABLES, most=1)):
            text = f"The variable {name} is unknown. Did you mean {meant[0]}?"
            command = f"export {meant[0]}={shlex.quote(mine[name])}; unset {name}"
            yield Diagnosis(GROUP, "variables", "warning", text, (("if so", command),))
    for name in ("OMP_NUM_THREADS", "ZOO_HOOK_PATIENCE_S", "ZOO_IMPORT_PATIENCE_S", "ZOO_PEERS_S"):
        if mine.get(name) and not _is_number(mine[name]):
            text = f"{name} is {mine[name]!r}, which is not a number above 0."
            yield Diagnosis(GROUP, "variables", "wrong", text, (("unset it", f"unset {name}"),))
    told = ", ".join(f"{name}={_shown(name, value)}" for name, value in sorted(mine.items()))
    yield Diagnosis(GROUP, "variables", "ok", told or "no relevant variable is set")


def _shown(name: str, value: str) -> str:
    if secretive(name):
        return "(set)"
    value = without_secrets(value)
    return shlex.quote(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…")


def _is_number(text: str) -> bool:
    try:
        return all(float(part) > 0 for part in text.split(","))
    except ValueError:
        return False


def network() -> Iterator[Diagnosis]:
    """Check proxies and certificates, which downloads depend on."""
    for name in _CERTIFICATES:
        value = os.environ.get(name)
        if value and not Path(value).exists():
            text = f"{name} is {value}, which does not exist: certificates can't be verified."
            yield Diagnosis(GROUP, "network", "wrong", text, (("unset it", f"unset {name}"),))
    proxies = {name: os.environ.get(name) or os.environ.get(name.upper()) for name in _PROXIES}
    given = {name: value for name, value in proxies.items() if value}
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        if name in given and not urlsplit(given[name] if "://" in given[name] else f"//{given[name]}").hostname:
            text = f"{name} is {without_secrets(given[name])!r}, which is not a URL."
            yield Diagnosis(GROUP, "network", "wrong", text, (("unset it", f"unset {name} {name.upper()}"),))
    told = ", ".join(f"{name}={without_secrets(value)}" for name, value in given.items())
    if os.environ.get("ZOO_OFFLINE", "").lower() not in ("", "0", "false"):
        told = "downloads are disabled by ZOO_OFFLINE"
        yield Diagnosis(GROUP, "network", "ok", told, (("allow downloads", "unset ZOO_OFFLINE"),))
    else:
        yield Diagnosis(GROUP, "network", "ok", told or "no proxy is set")
