"""Finds every event of the log in the source, and holds what each means and asks for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.meta.log_event_texts import TEXTS
from tests.worlds.markdown import wrapped

WRITERS = {"info", "warning", "error"}
WRAPPERS = {"note": "warning", "_tell": "warning", "_report_failure": "error"}
"""methods that pass an event on to the log, and the level that it gets there"""
SKIPPED = ("filterd/cli/", "filterd/policy/", "filterd/wire/", "_reference.py")
"""places where methods of these names do other things"""
OTHERWISE = {
    ("filterd/dataplane/listeners/selfcheck.py", "_tell"),
    ("filterd/operations/top/figures.py", "info"),
}
"""methods with the name of a writer that do something else, or write an event of their own"""


_LOGGED = r"(?:log\.)?get\(\)\.(?:info|warning|error)"


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event as the source writes it."""

    text: str
    level: str
    place: str


class _Module:
    """The calls of one file that write to the log."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.tree = ast.parse(text)
        self.constants = {
            target.id: node.value
            for node in self.tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }

    def events(self) -> Iterator[LogEvent]:
        """Every event, once for each text that its call may pass."""
        for function in ast.walk(self.tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from self._of(function, list(ast.walk(function)))
        yield from self._of(None, [node for each in self.tree.body for node in self._outside(each)])

    def _outside(self, node: ast.AST) -> Iterator[ast.AST]:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            for child in ast.iter_child_nodes(node):
                yield from self._outside(child)

    def _of(
        self, function: ast.FunctionDef | ast.AsyncFunctionDef | None, nodes: list[ast.AST]
    ) -> Iterator[LogEvent]:
        own = {argument.arg for argument in function.args.args} if function is not None else set()
        for call in nodes:
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or not call.args:
                continue
            name, first = call.func.attr, call.args[0]
            if name not in WRITERS | WRAPPERS.keys() or (self.name, name) in OTHERWISE:
                continue
            if isinstance(first, ast.Name) and first.id in own:
                continue  # a wrapper: its callers have the text
            if isinstance(first, ast.JoinedStr) and name == "error":
                continue  # _report_failure, the same
            for text in self._texts(first, nodes):
                event = f"{text} failed" if name == "_report_failure" else text
                yield LogEvent(event, WRAPPERS.get(name, name), self.name)

    def _texts(self, value: ast.AST, nodes: list[ast.AST]) -> list[str]:
        match value:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.IfExp():
                return self._texts(value.body, nodes) + self._texts(value.orelse, nodes)
            case ast.BinOp(op=ast.Add()):
                return [f"{text}…" for text in self._texts(value.left, nodes)]
            case ast.Subscript():
                return self._texts(value.value, nodes)
            case ast.Dict():
                return [text for each in value.values for text in self._texts(each, nodes)]
            case ast.Tuple():
                return self._texts(value.elts[0], nodes)
            case ast.Name():
                given = [found for node in nodes for found in _assigned(node, value.id)]
                constant = self.constants.get(value.id)
                given += [] if constant is None else [constant]
                return [text for each in given for text in self._texts(each, nodes)]
        return [f"unreadable in {self.name}: {ast.unparse(value)}"]


def _assigned(node: ast.AST, name: str) -> Iterator[ast.AST]:
    """The value that an assignment gives to a variable, alone or as the first of several."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            first = target.elts[0] if isinstance(target, ast.Tuple) else target
            if isinstance(first, ast.Name) and first.id == name:
                yield node.value


@cache
def events_in(root: Path) -> list[LogEvent]:
    """Every event of the package below ``root``, each text and level once."""
    found: dict[tuple[str, str], LogEvent] = {}
    for path in sorted((root / "filterd").rglob("*.py")):
        name = str(path.relative_to(root))
        if not name.startswith(SKIPPED[:3]) and not name.endswith(SKIPPED[3]):
            for event in _Module(name, path.read_text()).events():
                found.setdefault((event.text, event.level), event)
    return sorted(found.values(), key=lambda event: (event.text, event.level))


def fields_in(root: Path) -> set[tuple[str, str]]:
    """The fields that the package below ``root`` gives to the log itself, each with its file."""
    found = set()
    for path in (root / "filterd").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and re.fullmatch(_LOGGED, ast.unparse(call.func)):
                name = str(path.relative_to(root))
                found |= {(each.arg, name) for each in call.keywords if each.arg is not None}
    return found


def page(note: str) -> str:
    """docs/log-events.md."""
    from filterd.telemetry.log import FIELDS

    parts = [
        "# The events of the log\n",
        note,
        "filterd writes one JSON object a line to standard error: `timestamp`, `level`, `role`, `event` and\n"
        "fields. Under systemd it is the journal: `journalctl -u filterd-resolver -o cat`. An `error` is\n"
        "something that does not work, a `warning` something to look at, an `info` something to know later.\n"
        "Where a line has a field `remedy`, that is what to do; the table says more.\n",
        f"Fields are a closed list: {', '.join(f'`{name}`' for name in sorted(FIELDS))}. None of them holds\n"
        "a name that was asked for, a line, or an address of a client.\n",
        "| event | level | what it means | what to do |\n| --- | --- | --- | --- |",
    ]
    root = Path(__file__).parents[2]
    for event in events_in(root):
        meaning, remedy = TEXTS[event.text]
        parts[-1] += f"\n| {event.text} | {event.level} | {meaning} | {remedy} |"
    return wrapped("\n".join(parts) + "\n")
