"""Enabling and disabling of plugins by ``plugins: {disable: [...]}`` in the user's registry.yaml."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from zoo.errors import OutputError, RequestError
from zoo.registry.config import RegistryConfig, user_path
from zoo.storage.files import write_text
from zoo.storage.safe_yaml import parse_yaml, read_yaml

ALLOW_LIST = "ZOO_PLUGINS"
"""Environment variable with the third-party plugins to load, separated by commas; empty for none."""
_NOTE = "# Made by `zoo plugins disable`; see `zoo plugins enable`.\n"


def allowed() -> set[str] | None:
    """Third-party plugins that ``ZOO_PLUGINS`` allows; None where it is not set."""
    given = os.environ.get(ALLOW_LIST)
    return None if given is None else {word.strip() for word in given.split(",")} - {""}


def turn_off(name: str) -> Path:
    """Add a plugin to the user's disabled ones, and return the path of the file."""
    _write(sorted({*_disabled(), name}))
    return user_path()


def turn_on(name: str) -> bool:
    """Remove a plugin from the user's disabled ones; True if it was among them. An empty file is deleted."""
    before = _disabled()
    if name not in before:
        return False
    _write([n for n in before if n != name])
    if user_path().read_text("utf-8").replace(_NOTE, "").strip() in ("", "plugins: {disable: []}"):
        user_path().unlink()
    return True


def files_disabling(shelf: RegistryConfig, name: str) -> list[Path]:
    """Files other than the user's that disable a plugin."""
    layers = [layer for layer in shelf.layers if name in (layer.section("plugins").get("disable") or ())]
    return [layer.path for layer in layers if layer.path != user_path().resolve()]


def _disabled() -> list[str]:
    return list((_content().get("plugins") or {}).get("disable") or [])


def _content() -> dict[str, Any]:
    return (read_yaml(user_path()) if user_path().is_file() else None) or {}


def _write(names: list[str]) -> None:
    path = user_path()
    text = path.read_text("utf-8") if path.is_file() else _NOTE
    wanted = _content()
    wanted["plugins"] = {**(wanted.get("plugins") or {}), "disable": names}
    changed = _with_disabled(text, names)
    if parse_yaml(changed) != wanted:
        raise RequestError(f"{path} can't be edited automatically. Add to it: disable: {names}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, changed)
    except (OSError, OutputError) as error:
        raise OutputError(
            f"{path} can't be written ({getattr(error.__cause__ or error, 'strerror', error)}). Fix its "
            "permissions, or add to the registry.yaml of the working folder: plugins: "
            f"{{disable: [{', '.join(names)}]}}"
        ) from error


def _with_disabled(text: str, names: list[str]) -> str:
    """Replace the list in the text without other changes; YAML's own writer would lose comments and order."""
    listed = f"[{', '.join(names)}]"
    root = yaml.compose(text, yaml.SafeLoader)
    plugins = _value(root, "plugins")
    disable = _value(plugins, "disable")
    if disable is not None:
        return _replaced(text, disable, listed)
    if plugins is not None:
        return _replaced(text, plugins, f"{{disable: {listed}}}")
    return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}plugins: {{disable: {listed}}}\n"


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _replaced(text: str, node: yaml.Node, by: str) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    old = text[start:end]
    return text[:start].rstrip() + " " + by + old[len(old.rstrip()) :] + text[end:]
