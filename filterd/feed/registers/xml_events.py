"""Reads XML of strangers by expat, with everything refused by which a small document becomes a large one.

A document type is refused before anything of it is read, so that there are no entities but the five of XML
itself, nothing is fetched, and no text is longer than what arrived (decision 0369).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from xml.parsers import expat

from filterd.feed.registers.parsed import RegisterSyntaxError

DEEPEST = 8
"""elements inside each other"""
LONGEST_TEXT = 4_096
"""characters of one element"""
MOST_ATTRIBUTES = 16


@dataclass(slots=True)
class Element:
    """An element that has ended, without its namespace's address."""

    name: str
    line: int
    attributes: dict[str, str]
    text: str = ""
    children: dict[str, str] = field(default_factory=dict)
    """the text of each child by name; of a name that stands twice, the first"""
    twice: str = ""
    """a child that stands twice"""


def read_xml(data: bytes, root: str, row: str, take: Callable[[Element], None]) -> dict[str, str]:
    """Read a document whose root has this name, and hand over each of its elements ``row``. Returns the
    root's attributes. Raises RegisterSyntaxError."""
    reader = _Reader(root, row, take)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartDoctypeDeclHandler = reader.refuse_doctype
    parser.EntityDeclHandler = reader.refuse_doctype
    parser.ExternalEntityRefHandler = reader.refuse_external
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    reader.parser = parser
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise RegisterSyntaxError(expat.ErrorString(error.code) or "no XML", error.lineno) from None
    except (LookupError, ValueError) as error:
        if isinstance(error, RegisterSyntaxError):
            raise
        message = f"an encoding that is not read: {str(error)[:64]}"
        raise RegisterSyntaxError(message, 1) from None
    return reader.attributes


class _Reader:
    """The state of reading one document."""

    def __init__(self, root: str, row: str, take: Callable[[Element], None]) -> None:
        self.attributes: dict[str, str] = {}
        self.parser: expat.XMLParserType
        self._root, self._row, self._take = root, row, take
        self._open: list[Element] = []

    def refuse_doctype(self, *_: object) -> None:
        """No document type, no entity."""
        message = "it has a document type (DOCTYPE), which is refused: it could make it endless"
        raise RegisterSyntaxError(message, self.parser.CurrentLineNumber)

    def refuse_external(self, *_: object) -> int:
        """Nothing outside is read."""
        return 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        local, line = name.rpartition(" ")[2], self.parser.CurrentLineNumber
        if len(self._open) >= DEEPEST or len(attributes) > MOST_ATTRIBUTES:
            message = "its elements stand too deep inside each other, or have too many attributes"
            raise RegisterSyntaxError(message, line)
        if not self._open:
            if local != self._root:
                message = f"its root is {local[:32]!r}, not {self._root}"
                raise RegisterSyntaxError(message, line)
            self.attributes = attributes
        plain = {key.rpartition(" ")[2]: value[:LONGEST_TEXT] for key, value in attributes.items()}
        self._open.append(Element(local, line, plain))

    def text(self, data: str) -> None:
        """Text of the element that is open. The text around elements is white space alone, and is left."""
        element = self._open[-1]
        if len(self._open) < 2:
            return
        element.text += data
        if len(element.text) > LONGEST_TEXT:
            message = f"the text of {element.name[:32]!r} is longer than {LONGEST_TEXT} characters"
            raise RegisterSyntaxError(message, self.parser.CurrentLineNumber)

    def end(self, _name: str) -> None:
        """The element that is open ends."""
        element = self._open.pop()
        if len(self._open) == 1 and element.name == self._row:
            self._take(element)
        elif self._open:
            above = self._open[-1]
            if element.name in above.children:
                above.twice = element.name
            elif len(self._open) > 1:  # the root keeps none: it would keep all
                above.children[element.name] = element.text.strip()
