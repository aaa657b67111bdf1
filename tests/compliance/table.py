"""What came of the cases, as the page docs/compliance.md and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.compliance.case import Case
from tests.compliance.reasons import PACKETS, reason_for
from tests.worlds.markdown import wrapped

OURS = "filterd"
Results = Mapping[str, Mapping[str, Sequence[str]]]
"""system -> case -> what is wrong; nothing: passed"""

HEAD = """# Compliance

Every case cites the section of the standard behind it. `make compliance` puts each case to filterd
and, where their packages are installed, to BIND, Unbound and PowerDNS Recursor, all as forwarders
to the same scripted upstream on loopback, and writes this page. The suite runs filterd's side on
every change. filterd must do whatever two of the others agree on. The cases stand in
`tests/compliance/`.
"""


def owed(results: Results, case: Case) -> bool:
    """True if at least two of the others do what the case says."""
    others = [faults for system, faults in results.items() if system != OURS]
    return sum(not faults[case.name] for faults in others) >= 2


def problems(results: Results, cases: Sequence[Case]) -> list[str]:
    """What must not be: a case that filterd owes and fails, a difference without its reason."""
    found = []
    for case in cases:
        for system, faults in results.items():
            if not faults[case.name]:
                continue
            if system == OURS and owed(results, case):
                found.append(f"{case.name}: filterd fails it, others agree: {', '.join(faults[case.name])}")
            elif reason_for(case.name, system) is None:
                found.append(
                    f"{case.name}: {system} differs, and tests/compliance/reasons.py does not say why"
                )
    return found


def summary(results: Results, cases: Sequence[Case]) -> list[str]:
    """So many of so many, for each system."""
    agreed = sum(owed(results, case) for case in cases)
    lines = [
        f"{system}: {sum(not faults[case.name] for case in cases)} of {len(cases)}"
        for system, faults in results.items()
    ]
    return [*lines, f"cases on which two of the others agree: {agreed}"] if len(results) > 2 else lines


def terminal(results: Results, cases: Sequence[Case]) -> list[str]:
    """The table of cases by systems."""
    widths = [max(9, len(system)) for system in results]
    lines = [f"{'case':40}" + " ".join(f"{s:{w}}" for s, w in zip(results, widths, strict=True))]
    for case in cases:
        cells = ("differs" if faults[case.name] else "ok" for faults in results.values())
        lines.append(
            f"{case.name:40}" + " ".join(f"{c:{w}}" for c, w in zip(cells, widths, strict=True)).rstrip()
        )
    return lines


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")


def rows(results: Results, cases: Sequence[Case]) -> list[str]:
    """One row of the page for each case."""
    return [
        f"| {_escaped(case.name)} | {case.section.strip()} | {_escaped(case.says)} | "
        + " | ".join("differs" if faults[case.name] else "ok" for faults in results.values())
        + " |"
        for case in cases
    ]


def differences(results: Results, cases: Sequence[Case]) -> list[str]:
    """The differences, gathered by system and reason."""
    gathered: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        for system, faults in results.items():
            if faults[case.name]:
                why = reason_for(case.name, system) or "Not explained."
                got = _escaped(", ".join(faults[case.name]))
                gathered.setdefault((system, why), []).append(f"{_escaped(case.name)} ({got})")
    order = list(results)
    return [
        f"- **{system}**: {why}\n  {'; '.join(entries)}"
        for (system, why), entries in sorted(gathered.items(), key=lambda item: order.index(item[0][0]))
    ]


def hostile() -> list[str]:
    """What hostile packets bring out, and why that stays."""
    return [
        "\n## Hostile packets\n",
        "`python -m tests.compliance.packets` sends the 860 public packets and 2,500 mutations of them to "
        "all four and compares rcode or silence. It fails where at least two of the others agree with each "
        f"other and not with filterd in more than {PACKETS.percent:.0f} % of them. What remains:\n",
        *(f"- {why}" for why in PACKETS.why),
    ]


def page(results: Results, versions: Mapping[str, str], cases: Sequence[Case]) -> str:
    """docs/compliance.md."""
    asked = ", ".join(versions[system] for system in results if versions.get(system))
    lines = [HEAD, f"Asked: {asked}.\n", "## Summary\n", *(f"- {line}" for line in summary(results, cases))]
    lines += ["\n## Differences and their reasons\n", *differences(results, cases)]
    lines += hostile()
    lines += ["\n## Cases\n", f"| case | section | what must be so | {' | '.join(results)} |"]
    lines += ["| --- " * (3 + len(results)) + "|", *rows(results, cases)]
    return wrapped("\n".join(lines) + "\n")
