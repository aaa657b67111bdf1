"""``make smells``: a report on the shape of the sources, for a reader to judge. No test enforces its figures.

A figure is a reason to look, not to change something: a module is one idea, as long as the idea is.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE_LINES = 700
FUNCTION_LINES = 80
PARAMETERS = 8
SMALL_MODULE_LINES = 60

_QUESTION = re.compile(r"(What|Who|Whose|Whom|Where)\b")
_NATIVE_QUESTION = re.compile(rf'^\s*"""{_QUESTION.pattern}', re.MULTILINE)
_NATIVE_IMPORT = re.compile(
    r"^\s*(?:from\s+(filterd[\w.]*)\s+c?import\s+(\w+)|c?import\s+(filterd[\w.]*))", re.M
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Smell:
    """A place and its figure."""

    figure: int
    place: str


@dataclass(frozen=True)
class Source:
    """A source file of the package."""

    path: str
    """from the top of the repository"""
    text: str

    @property
    def lines(self) -> int:
        """The number of its lines."""
        return len(self.text.splitlines())

    @property
    def native(self) -> bool:
        """Whether it is Cython."""
        return self.path.endswith((".pyx", ".pxd"))

    @property
    def module(self) -> str:
        """Its name in an import statement."""
        return self.path.rpartition(".")[0].removesuffix("/__init__").replace("/", ".")

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """The nodes of its syntax tree; none of a native one."""
        return () if self.native else tuple(ast.walk(ast.parse(self.text)))


@cache
def sources(root: Path, ending: str) -> tuple[Source, ...]:
    """The source files of ``filterd`` below ``root`` with this ending."""
    paths = sorted((root / "filterd").rglob(f"*.{ending}"))
    return tuple(Source(str(path.relative_to(root)), path.read_text()) for path in paths)


def parameters(function: Function) -> int:
    """The number of parameters, ``self`` and ``cls`` left out."""
    given = function.args.posonlyargs + function.args.args
    bound = bool(given) and given[0].arg in ("self", "cls")
    return len(given) - bound + len(function.args.kwonlyargs)


def body_lines(function: Function) -> int:
    """Lines of a function without its decorators and docstring."""
    first = function.body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def long_modules(root: Path) -> Iterator[Smell]:
    """Modules, native ones too, with more than MODULE_LINES lines."""
    for source in (*sources(root, "py"), *sources(root, "pyx")):
        if source.lines > MODULE_LINES:
            yield Smell(source.lines, source.path)


def functions(root: Path) -> Iterator[tuple[str, Function]]:
    """Each function with its place."""
    for source in sources(root, "py"):
        for node in source.nodes:
            if isinstance(node, Function):
                yield f"{source.path}:{node.lineno} {node.name}", node


def long_functions(root: Path) -> Iterator[Smell]:
    """Functions with more than FUNCTION_LINES lines."""
    for place, function in functions(root):
        if body_lines(function) > FUNCTION_LINES:
            yield Smell(body_lines(function), place)


def many_parameters(root: Path) -> Iterator[Smell]:
    """Functions with more than PARAMETERS parameters."""
    for place, function in functions(root):
        if parameters(function) > PARAMETERS:
            yield Smell(parameters(function), place)


def imported(source: Source) -> Iterator[str]:
    """The names that a source imports: of modules, or of what is in them."""
    if source.native:
        for home, name, module in _NATIVE_IMPORT.findall(source.text):
            yield from (home, f"{home}.{name}") if home else (module,)
    for node in source.nodes:
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (node.module, *(f"{node.module}.{each.name}" for each in node.names))


def small_modules(root: Path) -> Iterator[Smell]:
    """Modules with fewer than SMALL_MODULE_LINES lines that one other module imports: perhaps a part of it.

    The ``__init__`` of a package is no module here, neither one that is imported nor one that imports.
    """
    files = (each for ending in ("py", "pyx", "pxd") for each in sources(root, ending))
    present = [each for each in files if "/__init__." not in each.path]
    importers: defaultdict[str, set[str]] = defaultdict(set)
    for source in present:
        for name in imported(source):
            importers[name].add(source.module)
    for source in present:
        others = importers[source.module] - {source.module}
        if source.path.endswith(".py") and source.lines < SMALL_MODULE_LINES and len(others) == 1:
            yield Smell(source.lines, f"{source.path}, imported by {others.pop()}")


def question_docstrings(root: Path) -> Iterator[Smell]:
    """Modules with docstrings that begin with a question word."""
    for source in (each for ending in ("py", "pyi", "pyx", "pxd") for each in sources(root, ending)):
        found = [
            1 + source.text.count("\n", 0, each.start(1)) for each in _NATIVE_QUESTION.finditer(source.text)
        ]
        if not source.native:
            found = [line for line, text in docstrings(source) if _QUESTION.match(text)]
        if found:
            yield Smell(len(found), f"{source.path}: line {', '.join(map(str, sorted(found)))}")


def docstrings(source: Source) -> Iterator[tuple[int, str]]:
    """The line and the text of each docstring."""
    for node in source.nodes:
        if isinstance(node, ast.Module | ast.ClassDef | Function):
            text = ast.get_docstring(node)
            if text:
                yield node.body[0].lineno, text


KINDS = {
    f"modules over {MODULE_LINES} lines": long_modules,
    f"functions over {FUNCTION_LINES} lines": long_functions,
    f"functions with more than {PARAMETERS} parameters": many_parameters,
    f"modules under {SMALL_MODULE_LINES} lines with one importer": small_modules,
    "docstrings that begin with What, Who, Whose, Whom or Where, by module": question_docstrings,
}
"""title -> the places that have this smell"""


def report(root: Path) -> Iterator[str]:
    """The lines of the report: each kind with its count, and its places with the highest figure first."""
    for title, places in KINDS.items():
        found = sorted(places(root), key=lambda each: (-each.figure, each.place))
        yield f"{title}: {len(found)}"
        yield from (f"{each.figure:6}  {each.place}" for each in found)
        yield ""


if __name__ == "__main__":
    print("\n".join(report(ROOT)), end="")
