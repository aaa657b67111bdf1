"""What the fronts made of it, as the page docs/fronts.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tests.fronts.asking import FILTERD, TIMES, Asked, Found, Seen, agrees, expected
from tests.fronts.servers import FRONTS, Front
from tests.fronts.zones import FREE, MODES, SIGNED
from tests.worlds.markdown import wrapped

HEAD = """# Real fronts

`make fronts` starts resolvers that stand before filterd, each with filterd as its only upstream, asks
them what filterd blocks, and writes this page. An order blocks eight zones in the four blocking modes,
half of them signed; the zone above them is signed, and validating fronts have its key. Each name is
asked for twice, so that the second answer comes out of the front's cache: the name of the rule itself,
and `www` below it. All of it stands in `tests/fronts/` and is part of the suite, in a network of its own.

- A front that does not validate hands on what filterd answers, the first time and out of its cache.
- A front that validates proves first that an unsigned zone is one: the question for the DS record of
  exactly the rule's own name passes filterd for that. Then it hands on the mode and the block page.
- `nxdomain` for exactly the rule's own name is where that ends. The signed denial of the DS record is
  a proof that the name exists, and a validator that has it need not believe NXDOMAIN: BIND fails, and
  dnsmasq says that there is no address. systemd-resolved takes the owner of the SOA for the zone, which
  is the signed one above, and fails. Names below are denied as they should be. Whoever has such fronts
  gets clean answers for both with `nodata`, `null` or `sinkhole`.
- In a signed zone nothing that filterd makes can be valid, since filterd has no key of it: clients of
  validating fronts get SERVFAIL. A validator that answers from wildcards and denials that it has kept
  (`aggressive-nsec`, `synth-from-dnssec`) can make an address for a blocked name below a wildcard, and
  has to have that switched off (docs/operations.md, Fronts).
- "AA" marks an answer that claims to come from the authority. systemd-resolved sets that flag for
  what it makes or finds in its cache by itself.
- "EDE" says which extended errors arrive at the client: 16 is filterd's reason for an order, 4 its
  note that an address is made up. What else there is comes from the front.
"""

_COLUMNS = ("its name, first", "its name, second", "below, first", "below, second")


def problems(found: Found) -> list[str]:
    """Answers that are not as they have to be, those of one front, mode and kind of zone in one line."""
    gathered: dict[str, Counter[str]] = {}
    for name, answers in found.items():
        for asked, seen in answers.items():
            if not agrees(asked, seen, validating=validating_of(name)):
                wanted = written(expected(asked, validating=validating_of(name)))
                what = f"{name}, {asked.mode}, {asked.kind} zone: not {wanted}"
                gathered.setdefault(what, Counter())[f"{written(seen)} ({asked.time})"] += 1
    return [
        f"{what} but {'; '.join(f'{count} times {seen}' for seen, count in counts.items())}"
        for what, counts in gathered.items()
    ]


def validating_of(name: str) -> bool:
    """True if the front of that name validates."""
    return any(front.name == name and front.validating for front in FRONTS)


def written(seen: Seen) -> str:
    """One answer in a few words."""
    parts = [*seen.addresses] or ["no address" if seen.rcode == "NOERROR" else seen.rcode]
    if seen.authoritative:
        parts.append("AA")
    if seen.errors:
        parts.append("EDE " + " ".join(map(str, seen.errors)))
    return ", ".join(parts)


def page(found: Found, fronts: Sequence[Front], missing: Iterable[str]) -> str:
    """docs/fronts.md."""
    versions = dict.fromkeys(front.version for front in fronts)
    lines = [
        HEAD,
        "Asked:\n",
        *(f"- {each}" for each in versions),
        *(f"- not here: {each}" for each in missing),
    ]
    wrong = problems(found)
    lines += ["\n## What is not as it has to be\n", *(f"- {each}" for each in wrong or ["Nothing."])]
    for kind in SIGNED:
        lines += [f"\n## {'An' if kind == 'unsigned' else 'A'} {kind} zone\n"]
        lines += [f"| front | mode | {' | '.join(_COLUMNS)} |", "| --- " * (len(_COLUMNS) + 2) + "|"]
        lines += [*_rows(found, kind)]
    return wrapped("\n".join(lines) + "\n")


def _rows(found: Found, kind: str) -> Iterator[str]:
    for name in (FILTERD, *(front.name for front in FRONTS if front.name in found)):
        for mode in (*MODES, FREE):
            asked = [Asked(mode, kind, below, time) for below in (False, True) for time in TIMES]
            cells = [written(found[name][each]) for each in asked]
            yield f"| {name} | {'no order' if mode == FREE else f'`{mode}`'} | {' | '.join(cells)} |"
