"""The mutations of a ``.pyx`` or ``.pxd`` file, found among its tokens: Cython's own parser keeps no ends of
expressions, and there is no other.

Only lines that run are mutated, and the values of enumerations. Left alone: declarations, signatures, casts,
``sizeof``, address-of, strings, comments, and what only fetches memory ahead of its use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.mutants.mutation import Mutation

TOKEN = re.compile(
    r"""(?P<string>[bruf]{0,2}(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
      | (?P<comment>\#[^\n]*) | (?P<newline>\n) | (?P<space>[ \t]+|\\\n)
      | (?P<number>0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE]-?\d+)?) | (?P<name>\w+)
      | (?P<sign><<=|>>=|//=|\*\*|<<|>>|<=|>=|==|!=|//|[-+*/%&|^]=|->|.)""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
BINARY = {
    "+": "-",
    "-": "+",
    "*": "+",
    "/": "*",
    "//": "*",
    "%": "+",
    "<<": ">>",
    ">>": "<<",
    "&": "|",
    "|": "&",
    "^": "|",
}
COMPARED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
WORDS = {"and": "or", "or": "and", "True": "False", "False": "True", "min": "max", "max": "min"}
ASSIGNED = {f"{sign}=": f"{other}=" for sign, other in BINARY.items()}
CONDITIONS = {"if", "elif", "while"}
DECLARED = {
    "cdef",
    "cpdef",
    "ctypedef",
    "def",
    "class",
    "import",
    "from",
    "cimport",
    "DEF",
    "with",
    "global",
    "@",
}
BLOCKS = {"struct", "enum", "extern", "union", "packed"}
JUMPS = {"return", "break", "continue", "raise"}
OPERATORS_BEFORE = {
    "return",
    "and",
    "or",
    "not",
    "if",
    "else",
    "in",
    "elif",
    "while",
    "is",
    "yield",
    "raise",
    "assert",
}
"""names after which an operand begins, and no operator"""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a line that is no space and no comment."""

    start: int
    text: str
    sort: str

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.start + len(self.text)


def mutations(path: str, source: str) -> Iterator[Mutation]:
    """Every mutation of the file, from top to bottom."""
    block: tuple[str, int] | None = None
    for line in _logical_lines(source):
        indent = line[0].start - source.rfind("\n", 0, line[0].start) - 1
        if block is not None and indent <= block[1]:
            block = None
        words = {token.text for token in line}
        if block is None and line[0].text in {"cdef", "ctypedef"} and line[-1].text == ":" and words & BLOCKS:
            block = ("enum" if "enum" in words else "struct", indent)
        elif block is not None:
            if block[0] == "enum" and "=" in words:
                yield from _constants(path, line)
        else:
            yield from _of_line(path, source, line)


def _logical_lines(source: str) -> Iterator[list[Token]]:
    """Lines as the language counts them: parentheses hold a line together."""
    line: list[Token] = []
    depth = 0
    for match in TOKEN.finditer(source):
        sort = match.lastgroup or ""
        if sort == "newline" and depth == 0 and line:
            yield line
            line = []
        if sort in {"space", "comment", "newline"}:
            continue
        depth += (match[0] in "([{") - (match[0] in ")]}")
        line.append(Token(match.start(), match[0], sort))
    if line:
        yield line


def _of_line(path: str, source: str, line: list[Token]) -> Iterator[Mutation]:
    first = line[0].text
    if (len(line) == 1 and line[0].sort == "string") or "prefetch" in source[line[0].start : line[-1].end]:
        return
    texts = [token.text for token in line]
    if first in DECLARED:
        if line[-1].text == ":" or first != "cdef" or "=" not in texts or texts[-1] in {"nogil", "noexcept"}:
            return
        line = line[texts.index("=") + 1 :]
    else:
        yield from _of_statement(path, source, line)
    yield from _of_tokens(path, line)


def _of_statement(path: str, source: str, line: list[Token]) -> Iterator[Mutation]:
    """The whole statement: removed, or its condition or result negated."""
    start, end, first = line[0].start, line[-1].end, line[0].text
    texts = [token.text for token in line]
    if first in CONDITIONS and line[-1].text == ":" and texts[1:-1] not in (["True"], ["1"]):
        inside = source[line[1].start : line[-2].end]
        yield Mutation(path, line[1].start, line[-2].end, f"not ({inside})", "negated condition")
    elif first == "return" and set(texts) & (COMPARED.keys() | {"not", "and", "or"}) and "<" not in texts:
        inside = source[line[1].start : end]
        yield Mutation(path, line[1].start, end, f"not ({inside})", "negated return")
    elif (first in JUMPS and len(line) == 1) or first == "raise" or _does_something(line):
        yield Mutation(path, start, end, "pass", "removed statement")


def _does_something(line: list[Token]) -> bool:
    """True if the line is a call, or changes what was there before: no plain name that it may begin."""
    texts = [token.text for token in line]
    if line[0].sort != "name" or texts[-1] == ":" or line[0].text in OPERATORS_BEFORE | JUMPS:
        return False
    if set(texts) & ASSIGNED.keys():
        return True
    if "=" in _outside(texts):
        return texts[1] in {".", "["}
    return texts[-1] == ")"


def _outside(texts: list[str]) -> list[str]:
    """The tokens that stand in no parentheses."""
    depth, found = 0, []
    for text in texts:
        depth += (text in "([{") - (text in ")]}")
        if depth == 0:
            found.append(text)
    return found


def _of_tokens(path: str, line: list[Token]) -> Iterator[Mutation]:
    at = 0
    while at < len(line):
        token = line[at]
        before = line[at - 1] if at else None
        operand_before = before is not None and (
            before.text in {")", "]"} or (before.sort != "sign" and before.text not in OPERATORS_BEFORE)
        )
        if token.text == "<" and not operand_before:
            at = _behind(line, at, "<", ">")
            continue
        if token.text == "sizeof":
            at = _behind(line, at + 1, "(", ")")
            continue
        yield from _of_token(path, token, line[at + 1 : at + 2], operand_before)
        at += 1


def _behind(line: list[Token], at: int, opening: str, closing: str) -> int:
    """The place behind what closes the bracket at ``at``."""
    depth = 0
    while at < len(line):
        depth += (line[at].text == opening) - (line[at].text == closing)
        at += 1
        if depth == 0:
            break
    return at


def _of_token(path: str, token: Token, following: list[Token], operand_before: bool) -> Iterator[Mutation]:
    text = token.text
    if token.sort == "number":
        yield from _constants(path, [token])
    elif text == "not" and following and following[0].text != "in":
        yield Mutation(path, token.start, following[0].start, "", "dropped sign or not")
    elif text in WORDS and (text not in {"min", "max"} or (following and following[0].text == "(")):
        rule = "boolean" if text in {"and", "or"} else "other call" if text in {"min", "max"} else "constant"
        yield Mutation(path, token.start, token.end, WORDS[text], rule)
    elif text in ASSIGNED:
        yield Mutation(path, token.start, token.end, ASSIGNED[text], "arithmetic")
    elif operand_before and text in COMPARED:
        yield Mutation(path, token.start, token.end, COMPARED[text], "comparison")
    elif operand_before and text in BINARY:
        yield Mutation(path, token.start, token.end, BINARY[text], "arithmetic")


def _constants(path: str, tokens: list[Token]) -> Iterator[Mutation]:
    """Each number one higher and one lower."""
    for token in tokens:
        if token.sort == "number":
            value = (
                int(token.text, 0) if token.text.isdigit() or "x" in token.text.lower() else float(token.text)
            )
            yield Mutation(path, token.start, token.end, repr(value + 1), "constant")
            if value > 0:
                yield Mutation(path, token.start, token.end, repr(value - 1), "constant")
