"""Measure the structure of ``zoo/`` and ``plugins/``: imports, cycles, layers, sizes, names and docstrings.

``python tests/house.py`` prints the table; ``tests/test_house.py`` holds the figures. Every import counts, those in
functions and those under ``TYPE_CHECKING`` too.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]

# From the bottom up; what stands in one entry is on one floor. A module imports from its own layer or an earlier one.
LAYERS = (
    ("errors", "plugin", "version"),
    ("storage",),
    ("registry",),
    ("host",),
    ("engine", "data"),
    ("job",),
    ("model",),
    ("runner",),
    ("evaluation",),
    ("testing",),
    ("reports",),
    ("api", "register", "runs"),
    ("commands",),
    ("__main__",),
)
# Beside the layers: the package itself, and a deprecated name.
FREE = ("__init__", "downloads")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass
class Module:
    """One file: its dotted name, its syntax tree and how many lines it has."""

    name: str
    path: Path
    is_package: bool
    tree: ast.Module = field(repr=False)
    lines: int

    @property
    def room(self) -> str:
        """The first folder or loose file below ``zoo`` that the module is in; of a plugin, its package."""
        parts = self.name.split(".")
        if parts[0] != "zoo":
            return parts[0]
        return "__init__" if len(parts) == 1 else parts[1]

    def definitions(self) -> Iterator[Definition]:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))


class House:
    """All modules of the source tree at ``root`` and the imports between them."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        plugins = sorted(root.glob("plugins/zoo_*")) + sorted(root.glob("plugins/zoo-*/zoo_*"))
        self.modules = {module.name: module for top in (root / "zoo", *plugins) for module in _modules(top)}

    @cached_property
    def core(self) -> list[Module]:
        return [module for module in self.modules.values() if module.name.split(".")[0] == "zoo"]

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """What each module imports, lazily or not, as names of modules of the tree."""
        return {name: set(self._imported(module)) - {name} for name, module in self.modules.items()}

    def _imported(self, module: Module) -> Iterator[str]:
        package = module.name.split(".") if module.is_package else module.name.split(".")[:-1]
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names if alias.name in self.modules)
            elif isinstance(node, ast.ImportFrom):
                start = package[: len(package) - node.level + 1] if node.level else []
                source = ".".join([*start, *((node.module or "").split(".") if node.module else [])])
                for alias in node.names:
                    part = f"{source}.{alias.name}"
                    if part in self.modules:
                        yield part
                    elif source in self.modules:
                        yield source

    @cached_property
    def cycles(self) -> list[list[str]]:
        """Groups of modules that import each other, the largest first."""
        groups = [sorted(group) for group in _components(self.imports) if len(group) > 1]
        return sorted(groups, key=lambda group: (-len(group), group))

    @cached_property
    def upward(self) -> list[tuple[str, str]]:
        """Imports from a lower layer of the core to a higher one, or to a room that has no layer."""
        place = {room: floor for floor, rooms in enumerate(LAYERS) for room in rooms}
        found = []
        for module in self.core:
            for target in sorted(self.imports[module.name]):
                source, goal = module.room, self.modules[target].room
                if source == goal or source in FREE or goal == "__init__":
                    continue
                if place.get(source, -1) < place.get(goal, len(LAYERS)):
                    found.append((module.name, target))
        return found

    @cached_property
    def floors(self) -> int:
        """The longest chain of rooms of which each imports the next."""
        rooms: dict[str, set[str]] = defaultdict(set)
        for module in self.core:
            rooms[module.room] |= {self.modules[name].room for name in self.imports[module.name]} - {module.room}
        groups = list(_components(rooms))
        of = {room: number for number, group in enumerate(groups) for room in group}
        depth: dict[int, int] = {}
        for number, group in enumerate(groups):  # what a group imports comes before it
            below = {of[goal] for room in group for goal in rooms[room]} - {number}
            depth[number] = 1 + max((depth[other] for other in below), default=0)
        return max(depth.values())

    @cached_property
    def loose(self) -> list[str]:
        return sorted(path.name for path in (self.root / "zoo").glob("*.py"))

    def core_lines(self) -> int:
        return sum(module.lines for module in self.core if module.room != "testing")

    def functions(self) -> Iterator[tuple[str, int, int]]:
        """Each function with its lines (without its docstring) and its number of parameters (without self)."""
        for module in self.modules.values():
            for node in module.definitions():
                if isinstance(node, ast.ClassDef):
                    continue
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                count = len([a for a in arguments if a.arg not in ("self", "cls")])
                yield f"{module.name}.{node.name}", _length(node), count

    def shared_classes(self) -> dict[str, list[str]]:
        """Public class names that more than one module of the core and its bundled plugins defines."""
        places: dict[str, list[str]] = defaultdict(list)
        for module in self.modules.values():
            for node in module.tree.body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(module.name)
        return {name: found for name, found in sorted(places.items()) if len(found) > 1}

    def vague_docstrings(self) -> tuple[list[str], int]:
        """Docstrings that begin with What, Whether or That, and the number of all docstrings."""
        vague, count = [], 0
        for module in self.modules.values():
            for node in [module.tree, *module.definitions()]:
                text = ast.get_docstring(node)
                if text is None:
                    continue
                count += 1
                if re.match(r"(What|Whether|That)\b", text):
                    vague.append(f"{module.name}.{getattr(node, 'name', '')}")
        return vague, count

    def loose_dicts(self) -> int:
        """How often ``dict[str, Any]`` is written in the core."""
        return sum(module.path.read_text("utf-8").count("dict[str, Any]") for module in self.core)

    def commands(self) -> list[str]:
        return sorted(path.stem for path in (self.root / "zoo" / "commands").glob("*.py") if path.stem != "__init__")


def _modules(top: Path) -> Iterator[Module]:
    for path in sorted(top.rglob("*.py")):
        if "templates" in path.parts:
            continue
        parts = path.relative_to(top.parent).with_suffix("").parts
        package = parts[-1] == "__init__"
        text = path.read_text("utf-8")
        name = ".".join(parts[:-1] if package else parts)
        yield Module(name, path, package, ast.parse(text), text.count("\n"))


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    whole = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node) is None:
        return whole
    text = node.body[0]
    return whole - ((text.end_lineno or text.lineno) - text.lineno + 1)


def _components(graph: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components by Tarjan's algorithm; what a component points at comes before it."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            start = stack.index(node)
            found.append(stack[start:])
            del stack[start:]

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def main() -> None:
    house = House()
    longest = max(house.functions(), key=lambda row: row[1])
    widest = max(house.functions(), key=lambda row: row[2])
    vague, docstrings = house.vague_docstrings()
    rows = {
        "loose modules in zoo/": len(house.loose),
        "largest import cycle": len(house.cycles[0]) if house.cycles else 0,
        "import cycles": len(house.cycles),
        "floors": house.floors,
        "upward imports": len(house.upward),
        "lines of the core, without testing/": house.core_lines(),
        "modules in zoo/commands/": len(house.commands()),
        "longest function": f"{longest[1]} ({longest[0]})",
        "functions over 60 lines": sum(row[1] > 60 for row in house.functions()),
        "most parameters": f"{widest[2]} ({widest[0]})",
        "functions with over 8 parameters": sum(row[2] > 8 for row in house.functions()),
        "public classes that share a name": len(house.shared_classes()),
        "docstrings that begin What, Whether, That": f"{len(vague)} of {docstrings}, {len(vague) / docstrings:.1%}",
        "dict[str, Any] in the core": house.loose_dicts(),
    }
    for name, value in rows.items():
        sys.stdout.write(f"{name:44}{value}\n")


if __name__ == "__main__":
    main()
