"""The options of an adblock rule: what stands behind its ``$``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import ip_address

from filterd.feed.names import RefusedNameError, normalise
from filterd.feed.parsers.entry import RefusedListEntry

REFUSED_OPTION = RefusedListEntry("an option that a resolver cannot honour")
_TYPE = RefusedListEntry("for some DNS types only ($dnstype)")
_CLIENT = RefusedListEntry("for some clients only ($client, $ctag)")
_KNOWN_REFUSED = {"dnstype": _TYPE, "client": _CLIENT, "ctag": _CLIENT}
_DENIALS = frozenset({"NXDOMAIN", "REFUSED", "SERVFAIL", "NOERROR"})


@dataclass(frozen=True, slots=True)
class Options:
    """The options that a resolver can honour."""

    important: bool = False
    cancels: bool = False
    """``$badfilter``"""
    everything: bool = False
    """``$all``: the site as a whole, as a resolver blocks it anyway"""
    spared: tuple[str, ...] = ()
    """``$denyallow``: names in the form of the policy"""
    rewrites: str | None = None
    """the value of ``$dnsrewrite``"""

    @property
    def denies(self) -> bool:
        """True if the rewrite's answer is a block."""
        return self.rewrites is not None and _denies(self.rewrites)


def read_options(text: str) -> Options | RefusedListEntry:
    """The options, or the first reason why the rule cannot be taken."""
    options = Options()
    for each in re.split(r"(?<!\\),", text) if text else ():
        name, equals, value = each.strip().partition("=")
        taken = _take(options, name.lower(), value.strip() if equals else "")
        if isinstance(taken, RefusedListEntry):
            return taken
        options = taken
    return options


def _take(options: Options, name: str, value: str) -> Options | RefusedListEntry:
    if name == "dnsrewrite":
        return replace(options, rewrites=value)
    if name == "denyallow" and value:
        return _sparing(options, value)
    if value:
        return _KNOWN_REFUSED.get(name, REFUSED_OPTION)
    if name == "important":
        return replace(options, important=True)
    if name == "badfilter":
        return replace(options, cancels=True)
    if name == "all":
        return replace(options, everything=True)
    return REFUSED_OPTION


def _sparing(options: Options, value: str) -> Options | RefusedListEntry:
    try:
        return replace(options, spared=tuple(sorted({normalise(each) for each in value.split("|")})))
    except RefusedNameError:
        return RefusedListEntry("a $denyallow that no rule can express")


def _denies(value: str) -> bool:
    """True for an answer of ``$dnsrewrite`` that is an error, is empty, or leads nowhere."""
    code, *others = value.split(";")
    if not others:
        return code.upper() in _DENIALS or _leads_nowhere(code)
    if code.upper() not in _DENIALS or len(others) != 2:
        return False
    kind, answer = others
    if kind.upper() in ("A", "AAAA") and code.upper() == "NOERROR":
        return _leads_nowhere(answer)
    return not kind and not answer


def _leads_nowhere(text: str) -> bool:
    try:
        return ip_address(text).is_unspecified
    except ValueError:
        return False
