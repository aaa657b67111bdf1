"""The mutations of a Python file, found in its syntax tree.

Left alone: annotations, docstrings and other strings, decorators, and the binding of a plain name, whose
removal is mostly a ``NameError``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.mutants.mutation import Mutation

BINARY: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "+"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.BitXor: ("^", "|"),
    ast.Pow: ("**", "*"),
}
COMPARED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: (r"is\s+not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"),
}
CALLS = {"sorted": "list", "min": "max", "max": "min", "any": "all", "all": "any", "reversed": "list"}
"""function -> another that takes and gives the same"""


def mutations(path: str, source: str) -> Iterator[Mutation]:
    """Every mutation of the file, in the order of the tree."""
    yield from _Finder(path, source).found()


class _Finder:
    """Walks one file. ``ast`` counts columns in bytes of UTF-8, a mutation counts characters."""

    def __init__(self, path: str, source: str) -> None:
        self._path = path
        self._source = source
        self._lines = source.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def found(self) -> Iterator[Mutation]:
        """Every mutation."""
        tree = ast.parse(self._source)
        skipped = set(_skipped(tree))
        waiting: list[ast.AST] = [tree]
        while waiting:
            node = waiting.pop()
            if node in skipped:
                continue
            yield from self._of(node)
            waiting += reversed(list(ast.iter_child_nodes(node)))

    def _of(self, node: ast.AST) -> Iterator[Mutation]:
        match node:
            case ast.stmt():
                yield from self._statement(node)
            case ast.expr():
                yield from self._expression(node)
            case ast.comprehension():
                for test in node.ifs:
                    yield from self._negated(test)

    def _expression(self, node: ast.expr) -> Iterator[Mutation]:
        match node:
            case ast.BinOp():
                yield from self._between(node.left, node.right, BINARY[type(node.op)], "arithmetic")
            case ast.Compare():
                operands = [node.left, *node.comparators]
                for left, op, right in zip(operands, node.ops, operands[1:], strict=False):
                    yield from self._between(left, right, COMPARED[type(op)], "comparison")
            case ast.BoolOp():
                words = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
                for left, right in zip(node.values, node.values[1:], strict=False):
                    yield from self._between(left, right, words, "boolean")
            case ast.UnaryOp(op=ast.Not() | ast.USub() as op):
                start, length = self._start(node), 3 if isinstance(op, ast.Not) else 1
                yield self._made(start, start + length, "", "dropped sign or not")
            case ast.Constant():
                yield from self._constant(node)
            case ast.IfExp():
                yield from self._negated(node.test)
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                yield self._made(self._start(node.func), self._end(node.func), CALLS[name], "other call")

    def _statement(self, node: ast.stmt) -> Iterator[Mutation]:
        match node:
            case ast.If() | ast.While() | ast.Assert():
                yield from self._negated(node.test)
            case ast.Return(value=ast.expr() as value):
                yield from self._returned(value)
            case ast.AugAssign():
                flipped = BINARY[type(node.op)]
                yield from self._between(
                    node.target, node.value, (flipped[0] + "=", flipped[1] + "="), "arithmetic"
                )
                yield self._removed(node)
            case ast.Expr(value=ast.Call() | ast.Await() | ast.Yield() | ast.YieldFrom()):
                yield self._removed(node)
            case ast.Return() | ast.Raise() | ast.Delete() | ast.Continue() | ast.Break():
                yield self._removed(node)
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript() | ast.Tuple()]):
                yield self._removed(node)

    def _returned(self, value: ast.expr) -> Iterator[Mutation]:
        start, end = self._start(value), self._end(value)
        match value:
            case ast.Constant():
                return
            case ast.Tuple(elts=[first, second]):
                swapped = f"(({self._text(second)}), ({self._text(first)}))"
                yield self._made(start, end, swapped, "swapped return")
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
                yield self._made(start, end, f"not ({self._source[start:end]})", "negated return")
            case _:
                yield self._made(start, end, "None", "returned nothing")

    def _constant(self, node: ast.Constant) -> Iterator[Mutation]:
        start, end = self._start(node), self._end(node)
        if isinstance(node.value, bool):
            yield self._made(start, end, str(not node.value), "constant")
        elif isinstance(node.value, int | float):
            yield self._made(start, end, repr(node.value + 1), "constant")
            yield self._made(start, end, repr(node.value - 1), "constant")

    def _negated(self, test: ast.expr) -> Iterator[Mutation]:
        if isinstance(test, ast.Name) and test.id == "TYPE_CHECKING":
            return
        start, end = self._start(test), self._end(test)
        yield self._made(start, end, f"(not ({self._source[start:end]}))", "negated condition")

    def _between(
        self, left: ast.expr, right: ast.expr, words: tuple[str, str], rule: str
    ) -> Iterator[Mutation]:
        """Another operator between two operands, wherever parentheses and line ends stand."""
        start, end = self._end(left), self._start(right)
        sign = words[0] if "\\" in words[0] else re.escape(words[0])
        gap = re.sub(r"#[^\n]*", lambda comment: " " * len(comment[0]), self._source[start:end])
        found = re.search(rf"\b{sign}\b" if words[1].isalpha() or " " in words[1] else sign, gap)
        assert found is not None, f"{self._path}: no {words[0]} in {gap!r}"
        yield self._made(start + found.start(), start + found.end(), words[1], rule)

    def _removed(self, node: ast.stmt) -> Mutation:
        return self._made(self._start(node), self._end(node), "pass", "removed statement")

    def _made(self, start: int, end: int, text: str, rule: str) -> Mutation:
        return Mutation(self._path, start, end, text, rule)

    def _text(self, node: ast.AST) -> str:
        return self._source[self._start(node) : self._end(node)]

    def _start(self, node: ast.AST) -> int:
        assert isinstance(node, ast.expr | ast.stmt)
        return self._offset(node.lineno, node.col_offset)

    def _end(self, node: ast.AST) -> int:
        assert isinstance(node, ast.expr | ast.stmt)
        return self._offset(node.end_lineno or 0, node.end_col_offset or 0)

    def _offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())


def _skipped(tree: ast.Module) -> Iterator[ast.AST]:
    """The code that is left alone, since it does not run or is not ours: annotations, decorators, f-strings
    (their columns are not to be had before Python 3.12), and aliases of types."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield from node.decorator_list
                if not isinstance(node, ast.ClassDef) and node.returns is not None:
                    yield node.returns
            case ast.arg(annotation=ast.expr() as annotation) | ast.AnnAssign(annotation=annotation):
                yield annotation
            case ast.JoinedStr():
                yield node
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.BinOp(op=ast.BitOr())) if name[
                0
            ].isupper():
                if not name.isupper():
                    yield node
