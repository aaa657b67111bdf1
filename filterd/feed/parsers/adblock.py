"""Format ``adblock``: the rules of browser filters, as far as they mean whole hosts.

``||name^`` is the name and all below it, ``|https://name^`` the host alone, ``||*.name^`` only what is below;
``@@`` excepts. Lines of a hosts file and bare names, which mean single hosts, may stand among them. A pattern
that also fits longer names (``||name`` without its end) is taken for the names that it surely means. Cosmetic
rules, regular expressions, paths, wildcards inside names, and rules under an option that a resolver cannot
see are skipped: taken without it they would block more than the list asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from filterd.feed.names import NOT_EXECUTABLE, clean_lines, is_address
from filterd.feed.parsers import hosts
from filterd.feed.parsers.adblock_options import REFUSED_OPTION, Options, read_options
from filterd.feed.parsers.entry import INCLUDES, Bulk, ListEntry, Parser, RefusedListEntry
from filterd.feed.precedence import Rank, by_rank
from filterd.model.rule import Action, Scope

_COMMENT = re.compile(r"!.*|\[(?!\$)[^\]]*\]|#+(?:\s.*)?|#(?![#@?$%]).*")
_COSMETIC = re.compile(r"#[@?$%]{0,2}#|#[@?$%]{1,2}[?#]|\$@?\$")
_REGEX = re.compile(r"/.*/(?:\$.*)?")
_PATTERN = re.compile(
    r"(?P<anchor>\|\||\|?[a-z]*://|\|)?(?P<below>(?:\*?\.)?)(?P<name>[^/^|*:?=&\s]*)(?P<tail>.*)"
)
_WHOLE = re.compile(r"\^?\*?\|?|\^?/\*?\|?")
"""what may follow the name and still mean the whole host"""
_FILES = re.compile(r".*\.(?:js|php|gif|png|jpe?g|svg|css|html?|swf|aspx?|jsp|cgi|xml|json)", re.IGNORECASE)
"""a name that ends like a file's, and like no host's"""
_WILDCARD = RefusedListEntry("a wildcard in a place where none can stand")
_NO_HOST = RefusedListEntry("a pattern that is no whole host name")


def read_line(line: str) -> Iterable[ListEntry | RefusedListEntry]:
    """Read the entries of one line: several only where it is one of a hosts file."""
    if _COMMENT.fullmatch(line):
        return (INCLUDES,) if line.startswith("!#include") else ()
    first, *others = line.split()
    if others and is_address(first):
        return hosts.read_line(line)
    if _COSMETIC.search(line):
        return (RefusedListEntry("a cosmetic rule: changes pages, not names"),)
    rule = re.split(r"\s#", line)[0].strip()
    excepts = rule.startswith("@@")
    body = rule.removeprefix("@@")
    if _REGEX.fullmatch(body):
        return (RefusedListEntry("a regular expression"),)
    pattern, _, text = body.partition("$")
    options = read_options(text)
    if isinstance(options, RefusedListEntry):
        return (options,)
    target = _target(pattern.strip())
    if isinstance(target, RefusedListEntry):
        return (target,)
    if target.scope is None and (excepts or text):
        target = replace(target, scope=Scope.SUBTREE)  # a pattern, not a bare name
    return (_entry(target, options, excepts=excepts),)


def _target(pattern: str) -> ListEntry | RefusedListEntry:
    """The plain block of a pattern."""
    found = _PATTERN.fullmatch(pattern)
    if found is None or " " in pattern:
        return RefusedListEntry("more than one word")
    refused = _no_whole_host(found)
    if refused is not None:
        return refused
    anchor = found["anchor"]
    if found["below"]:
        return ListEntry(found["name"], Scope.BELOW)
    if anchor == "||" or (anchor is None and found["tail"]):
        return ListEntry(found["name"], Scope.SUBTREE)
    return ListEntry(found["name"], None if anchor is None else Scope.EXACT)


def _no_whole_host(found: re.Match[str]) -> RefusedListEntry | None:
    """The reason why a pattern fits parts of addresses, or of names, and not whole hosts."""
    name, tail = found["name"], found["tail"]
    if not _WHOLE.fullmatch(tail):
        return _tail_reason(tail)
    if not name:
        return _WILDCARD if "*" in found[0] else _NO_HOST
    open_end = tail in ("", "*")
    if open_end and name.endswith(".") and found["anchor"] is not None:
        return _WILDCARD
    loose = found["anchor"] is None
    if loose and (name[0] in "-_" or (name[-1] in "-_." and open_end) or "." not in name.strip(".")):
        return _NO_HOST
    if loose and open_end and _FILES.fullmatch(name):
        return RefusedListEntry(NOT_EXECUTABLE)
    return None


def _tail_reason(tail: str) -> RefusedListEntry:
    """The reason where more than the end of a host follows the name."""
    if tail.startswith(":"):
        return RefusedListEntry("a port: DNS knows only names")
    if re.match(r"\^?[/?=&]", tail):
        return RefusedListEntry(NOT_EXECUTABLE)
    return _WILDCARD if tail.startswith("*") else _NO_HOST


def _entry(target: ListEntry, options: Options, *, excepts: bool) -> ListEntry | RefusedListEntry:
    """The entry of a pattern under its options."""
    cancels = options.cancels
    if options.rewrites is not None:
        # An exception to a rewrite takes the equal rewrite away, and lifts no other block.
        if not excepts and not options.denies:
            return RefusedListEntry("a rewrite to another name or address")
        return replace(target, rank=Rank.REWRITE, cancels=cancels or excepts)
    rank = Rank.IMPORTANT if options.important else Rank.PLAIN
    if excepts:
        if options.everything or options.spared:
            return REFUSED_OPTION
        return replace(target, action=Action.ALLOW, rank=rank, cancels=cancels)
    return _spare(replace(target, rank=rank, cancels=cancels), options)


def _spare(entry: ListEntry, options: Options) -> ListEntry | RefusedListEntry:
    """The block without the names that ``$denyallow`` leaves alone."""
    if not options.spared:
        return entry
    if entry.rank is not Rank.PLAIN or entry.scope is Scope.EXACT or entry.scope is None:
        return RefusedListEntry("a $denyallow that no rule can express")
    name = entry.text.lower().removesuffix(".")
    if any(name == each or name.endswith(f".{each}") for each in options.spared):
        return RefusedListEntry("a $denyallow that spares the whole rule")
    return replace(entry, spared=options.spared)


PARSER = Parser(
    read_line,
    bulk=(Bulk(clean_lines(b"||", suffix=b"^"), b"||", b"^", Scope.SUBTREE),),
    settle=by_rank,
)
