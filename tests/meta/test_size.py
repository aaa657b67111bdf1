"""Modules and functions stay small enough to read: marks that ruff does not check, as ratchets.

A mark is where to ask whether a module is still one idea or a function one step. What is longer for a reason
is named here with its length, and may not grow further unnoticed.
"""

from __future__ import annotations

import ast
from pathlib import Path

MODULE_LINES = 400
NATIVE_LINES = 800
FUNCTION_LINES = 40
PARAMETERS = 8

LONGER_MODULES: dict[str, int] = {}
"""module -> the lines it may have instead; shrink or remove entries only"""
LONGER_FUNCTIONS: dict[str, int] = {}
"""module:function -> the lines it may have instead; shrink or remove entries only"""


MORE_PARAMETERS: dict[str, int] = {
    "filterd/cli/checking.py:check": 9,  # click passes each option as one
    "filterd/policy/inquiry_reference.py:__init__": 9,  # all that a verdict is asked
}
"""module:function -> the parameters it may have instead; shrink or remove entries only"""


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The number of parameters, ``self`` and ``cls`` left out."""
    given = function.args.posonlyargs + function.args.args
    bound = bool(given) and given[0].arg in ("self", "cls")
    return len(given) - bound + len(function.args.kwonlyargs)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its decorators and docstring."""
    first = function.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def sources(root: Path, pattern: str) -> dict[str, Path]:
    """Path inside the repository -> file."""
    return {str(path.relative_to(root)): path for path in sorted((root / "filterd").rglob(pattern))}


def test_modules_are_short(root: Path) -> None:
    limits = dict.fromkeys(sources(root, "*.py"), MODULE_LINES) | dict.fromkeys(
        sources(root, "*.pyx"), NATIVE_LINES
    )
    long = {
        name: lines
        for name in limits
        if (lines := len((root / name).read_text().splitlines())) > limits[name]
    }
    assert {name: lines for name, lines in long.items() if lines > LONGER_MODULES.get(name, 0)} == {}


def test_functions_are_short(root: Path) -> None:
    long: dict[str, int] = {}
    for name, path in sources(root, "*.py").items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body_lines(node) > FUNCTION_LINES:
                long[f"{name}:{node.name}"] = body_lines(node)
    assert {name: lines for name, lines in long.items() if lines > LONGER_FUNCTIONS.get(name, 0)} == {}


def test_functions_have_few_parameters(root: Path) -> None:
    many: dict[str, int] = {}
    for name, path in sources(root, "*.py").items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and parameters(node) > PARAMETERS:
                many[f"{name}:{node.name}"] = parameters(node)
    assert {name: count for name, count in many.items() if count > MORE_PARAMETERS.get(name, 0)} == {}


def test_ratchets_are_not_stale(root: Path) -> None:
    assert [name for name in LONGER_MODULES if not (root / name).is_file()] == []
    functions = (*LONGER_FUNCTIONS, *MORE_PARAMETERS)
    assert [name for name in functions if not (root / name.split(":")[0]).is_file()] == []


def test_everything_has_a_headline(root: Path) -> None:
    bare = [
        name
        for name, path in sources(root, "*.py").items()
        if ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert [name for name in bare if (root / name).stat().st_size > 0] == []
