"""Finds the names and addresses of an order in a text, in whatever form people write them.

Case, forms of letters and of dots, IDNA and what is put around a dot make no difference. Look-alike letters
of other scripts, letters with spaces between, and a description are not found: people read the texts too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import unquote

from filterd.model.order import Demand
from filterd.operations.context import OperationError
from filterd.policy.documents import Network

CONFIDENTIAL = "which is confidential"
SQUEEZED = 8
"""letters and digits of a name from which on it is found without anything between them, too"""
_DOTS = str.maketrans(dict.fromkeys("。·•∙⋅‧", "."))
_AROUND = r"[\s\[\](){}<>\"'`*_]"
_DOT = re.compile(rf"{_AROUND}*\.{_AROUND}*|{_AROUND}+(?:dot|punto){_AROUND}+")
_COLON = re.compile(r"[\[(]:[\])]")
_ENCODED = re.compile(r"xn--[a-z0-9-]+")
_ADDRESS = re.compile(r"[0-9a-f]*[.:][0-9a-f.:]*(?:/[0-9]{1,3})?")


def require_nameless(
    demand: Demand, text: str, what: str, option: str, because: str = "and is published"
) -> None:
    """Refuse a text that holds a name or an address of the demand, whose entries are open. It is not
    quoted."""
    if not text or not holds_entry(demand, text):
        return
    message = f"the {what} holds a name or an address of the order, {because}"
    raise OperationError(message, f"say it without them: {option}")


def holds_entry(demand: Demand, text: str) -> bool:
    """True where a name or an address of the demand stands in the text, in some form."""
    said = plain(text)
    close = _squeezed(said)
    for name, _ in demand.names:
        wanted = plain(name)
        bare = _squeezed(wanted)
        if wanted in said or (len(bare) >= SQUEEZED and bare in close):
            return True
    if not demand.addresses:
        return False
    blocked = [ip_network(each) for each in demand.addresses]
    return any(
        one.version == each.version and one.overlaps(each) for one in _networks(said) for each in blocked
    )


def plain(text: str) -> str:
    """The text in one form: NFKC, no case, no invisible characters, one kind of dot, and U-labels."""
    found = _DOT.sub(".", folded(unquote(text)))
    return folded(_ENCODED.sub(_decoded, _COLON.sub(":", found)))


def folded(text: str) -> str:
    """The text in NFKC, without case and invisible characters, with one kind of dot."""
    seen = "".join(each for each in text if unicodedata.category(each) != "Cf")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
    return folded.translate(_DOTS)


def _squeezed(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _decoded(label: re.Match[str]) -> str:
    try:
        return label[0].removeprefix("xn--").encode().decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label[0]


def _networks(said: str) -> Iterator[Network]:
    """The addresses and prefixes in a text."""
    for found in _ADDRESS.finditer(said):
        try:
            yield ip_network(found[0].rstrip(".:") or found[0], strict=False)
        except ValueError:
            continue
