"""The canonical text of a list's rules: feeds are stored in it, digests cover it, and the builder reads it.

One rule a line, each line ended by a line feed, the lines sorted bytewise and each one once::

    example.com               the name and all below it are blocked (the common rule is the bare name)
    example.com exact         the name alone
    example.com below         only what is below it
    example.com allow         an exception: takes this list's block away (also "exact allow", "below allow")
    @192.0.2.0/24             an address prefix is blocked (RFC 5952 text, host bits zero)
    @2001:db8::/32 allow      an exception for a prefix

A name is lower case, without the final dot; the root is ".". An octet that is a control character, a space, a
dot inside a label, a backslash, an at sign or not ASCII stands as a backslash and three decimal digits, and
no other octet does: each rule has one text only, so equal lists have equal bytes. Pure functions, no I/O.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from filterd.model.rule import Action, NameRule, Scope

_PLAIN = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\Z")
_OCTET = re.compile(r"\\(\d{3})|\\([^0-9])|([^\\])", re.DOTALL)
_ESCAPED = frozenset([*range(0x21), *range(0x7F, 0x100), *b".\\@"])
MAX_LINE = 1100
"""no rule's line is longer, in bytes: 253 octets of four characters each, and the words"""
_MAX_WIRE = 255
_MAX_LABEL = 63
_MAPPED = 0xFFFF
"""the first 96 bits of an IPv4 address inside IPv6 (RFC 4291, 2.5.5.2)"""


class CanonicalError(ValueError):
    """A name, prefix or line that is not canonical; the message says what is wrong and shows it."""


@dataclass(frozen=True, slots=True)
class AddressRule:
    """One rule on an address prefix, in canonical text such as ``192.0.2.0/24``."""

    prefix: str
    action: Action = Action.BLOCK


Rule = NameRule | AddressRule
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_STEP = {4: 2, 6: 4}


def table_prefixes(network: Network) -> list[Network]:
    """The prefixes under which tables hold a rule on one, eight at most: their lengths are multiples of two
    (IPv4) or four (IPv6). Each length that any rule has costs a look-up for every address of every answer, so
    there must not be 128 of them."""
    step = _STEP[network.version]
    return list(network.subnets(new_prefix=-(-network.prefixlen // step) * step))


def wire_of(text: str) -> bytes:
    """The lower-cased wire form of a name in text (RFC 1035 5.1 escapes, a final dot). CanonicalError."""
    if text == ".":
        return b"\0"
    labels = _labels_of(text[:-1] if _ends_with_dot(text) else text)
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(wire) > _MAX_WIRE:
        message = f"a name longer than {_MAX_WIRE} octets: {text!r}"
        raise CanonicalError(message)
    return wire.lower()


def _ends_with_dot(text: str) -> bool:
    """True if the last character is a dot that ends the name, not an escaped one."""
    return text.endswith(".") and not re.search(r"(?<!\\)(?:\\\\)*\\\.\Z", text)


def _labels_of(text: str) -> list[bytes]:
    """The labels as octets, escapes undone."""
    labels = [bytearray()]
    at = 0
    while at < len(text):
        found = _OCTET.match(text, at)
        if found is None:
            message = f"a name with a broken escape: {text!r}"
            raise CanonicalError(message)
        at = found.end()
        if found[0] == ".":
            labels.append(bytearray())
        else:
            labels[-1].append(_octet(found, text))
    if not all(1 <= len(label) <= _MAX_LABEL for label in labels):
        message = f"a name with a label that is empty or longer than {_MAX_LABEL} octets: {text!r}"
        raise CanonicalError(message)
    return [bytes(label) for label in labels]


def _octet(found: re.Match[str], text: str) -> int:
    """The octet that one match of ``_OCTET`` stands for."""
    value = int(found[1]) if found[1] else ord(found[2] or found[3])
    if value > (0xFF if found[1] else 0x7F):
        message = f"a name with a character that is not ASCII: {text!r}"
        raise CanonicalError(message)
    return value


def text_of(wire: bytes) -> str:
    """The canonical text of a wire name that is well formed (as :func:`wire_of` makes it)."""
    labels = []
    at = 0
    while wire[at]:
        label = wire[at + 1 : at + 1 + wire[at]].lower()
        labels.append("".join(f"\\{o:03d}" if o in _ESCAPED else chr(o) for o in label))
        at += 1 + wire[at]
    return ".".join(labels) or "."


def canonical_name(text: str) -> str:
    """The one canonical text of a name in any text form. CanonicalError when it is no name."""
    lowered = text.lower()
    if len(lowered) < _MAX_WIRE - 1 and _PLAIN.match(lowered):
        return lowered
    return text_of(wire_of(text))


def canonical_prefix(text: str) -> str:
    """The one canonical text of an address or prefix. CanonicalError for a bad one or one with host bits."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        message = f"no address prefix: {error}"
        raise CanonicalError(message) from None
    if "%" in text:
        message = f"no address prefix: {text!r} has a zone, which is one machine's own"
        raise CanonicalError(message)
    value = int(network.network_address)
    if network.version == 6 and value >> 32 == _MAPPED:
        # Python 3.13 writes the last 32 bits dotted, earlier ones do not: the digest must not differ.
        return f"::ffff:{value >> 16 & 0xFFFF:x}:{value & 0xFFFF:x}/{network.prefixlen}"
    return str(network)


def line_of(rule: Rule) -> bytes:
    """The rule's line with its line feed. CanonicalError for a name or prefix that is none, or a rewrite."""
    if rule.action is Action.REWRITE:
        message = f"a rewrite has no canonical line: {rule}"
        raise CanonicalError(message)
    if isinstance(rule, AddressRule):
        words = ["@" + canonical_prefix(rule.prefix)]
    else:
        words = [canonical_name(rule.name)]
        if rule.scope is not Scope.SUBTREE:
            words.append(rule.scope.word)
    if rule.action is Action.ALLOW:
        words.append(rule.action.word)
    return " ".join(words).encode("ascii") + b"\n"


def write(rules: Iterable[Rule]) -> bytes:
    """The canonical text of a list: sorted, each rule once. CanonicalError as :func:`line_of`."""
    return join_lines(line_of(rule) for rule in rules)


def join_lines(lines: Iterable[bytes]) -> bytes:
    """The canonical text made of lines of :func:`line_of`, in any order and repeated or not."""
    return b"".join(sorted(set(lines)))


def parse_line(line: bytes) -> Rule:
    """The rule of one line (without its line feed). CanonicalError unless it is exactly canonical."""
    try:
        first, *words = line.decode("ascii").split(" ")
        action = Action.ALLOW if words and words[-1] == "allow" else Action.BLOCK
        if action is Action.ALLOW:
            words.pop()
        rule = _rule(first, words, action)
        if line_of(rule) == line + b"\n":
            return rule
    except (ValueError, KeyError):
        pass
    message = f"not a canonical rule: {line[:300]!r}"
    raise CanonicalError(message)


def _rule(first: str, words: list[str], action: Action) -> Rule:
    """The rule of a line's words; ValueError or KeyError where they are none."""
    if first.startswith("@"):
        if words:
            raise ValueError
        return AddressRule(first[1:], action)
    if len(words) > 1:
        raise ValueError
    return NameRule(first, Scope[words[0].upper()] if words else Scope.SUBTREE, action)


def parse(text: bytes) -> Iterator[Rule]:
    """The rules of a canonical text, in order. CanonicalError for a bad line, one out of order, or a last
    line without its line feed."""
    if text and not text.endswith(b"\n"):
        message = "the last line has no line feed: the text is cut"
        raise CanonicalError(message)
    previous: bytes | None = None
    for line in text.split(b"\n")[:-1]:
        if previous is not None and line <= previous:
            message = f"a line that repeats or is out of order: {line[:300]!r}"
            raise CanonicalError(message)
        previous = line
        yield parse_line(line)
