"""What the comparison found, gathered, and as the page docs/comparison.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.comparison.asking import Seen
from tests.comparison.fields import Difference, chained, differences
from tests.comparison.reasons import reason_for
from tests.comparison.script import Question
from tests.worlds.markdown import wrapped

OURS = "filterd"
PASSES = ("cold", "warm")
"""every question is asked twice: once of the upstream, once of what is then cached"""

HEAD = """# Comparison

`make comparison` asks twenty thousand popular names of filterd, Unbound and BIND and writes this
page. All three forward to the same scripted upstream on loopback. A hash of each name decides what
the name has: addresses, service bindings, aliases and chains of them, denials, signed records,
answers too large for a datagram and so on. Each question is asked twice, so that the second answer
comes from the cache. The comparison covers rcode, flags, question, sections as sets of records,
letter case, EDNS options and TTLs. A sample is part of the suite. A difference without a reason is
a failure. The comparison stands in `tests/comparison/`, its reasons in
`tests/comparison/reasons.py`.
"""

Answers = Mapping[str, Mapping[str, Sequence[Seen]]]
"""system -> pass -> what it answered, in the order of the questions"""


@dataclass
class Found:
    """Differences by system, field and shape, and how many questions had none."""

    asked: int = 0
    equal: Counter[str] = field(default_factory=Counter)
    differences: Counter[tuple[str, Difference, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, Difference, str], str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """what is wrong in itself, whatever the others say"""


def compare(questions: Sequence[Question], answers: Answers) -> Found:
    """All the answers of filterd beside all the others'."""
    found = Found(asked=len(questions) * len(PASSES))
    for turn in PASSES:
        for place, question in enumerate(questions):
            ours = answers[OURS][turn][place]
            if ours.whole is None or not chained(ours.whole):
                found.wrong.append(
                    f"{question.shape}, {question.rtype}, {turn}: no answer, or aliases out of order"
                )
            for system in answers.keys() - {OURS}:
                _note(found, system, question, differences(ours, answers[system][turn][place]))
    return found


def _note(found: Found, system: str, question: Question, differing: set[Difference]) -> None:
    for difference in differing:
        key = (system, difference, question.shape)
        found.differences[key] += 1
        found.examples.setdefault(key, f"{question.name} {question.rtype} {question.form}")
    unexplained = [d for d in differing if reason_for(d, question.shape, system) is None]
    found.equal[f"{system} equal"] += not differing
    found.equal[f"{system} equal but for explained fields"] += not unexplained


def problems(found: Found) -> list[str]:
    """What must not be: differences without a reason, and answers that are wrong in themselves."""
    return found.wrong[:20] + [
        f"{system}, {shape}: {difference.field}: {difference.how} ({count} times, as {found.examples[key]}):"
        " tests/comparison/reasons.py does not say why"
        for key, count in sorted(found.differences.items())
        for system, difference, shape in [key]
        if reason_for(difference, shape, system) is None
    ]


def summary(found: Found) -> list[str]:
    """So many of so many."""
    return [f"{what}: {count} of {found.asked}" for what, count in sorted(found.equal.items())]


def rows(found: Found) -> list[str]:
    """The differences, gathered by system and reason."""
    gathered: dict[tuple[str, str], Counter[str]] = {}
    shapes: dict[tuple[str, str], set[str]] = {}
    for (system, difference, shape), count in found.differences.items():
        key = (system, reason_for(difference, shape, system) or "Not explained.")
        gathered.setdefault(key, Counter())[f"{difference.field}: {difference.how}"] += count
        shapes.setdefault(key, set()).add(shape)
    return [
        f"| {system} | {'; '.join(f'{what} ({count})' for what, count in sorted(counts.items()))} | "
        f"{', '.join(sorted(shapes[system, why]))} | {why} |"
        for (system, why), counts in sorted(gathered.items())
    ]


def page(found: Found, versions: Sequence[str]) -> str:
    """docs/comparison.md."""
    lines = [
        HEAD,
        f"Asked: {', '.join(versions)}.\n",
        "## Summary\n",
        *(f"- {line}" for line in summary(found)),
    ]
    lines += ["\n## Differences and their reasons\n"]
    lines += ["| beside | what filterd's answer differs in (answers) | shapes | why |", "| --- " * 4 + "|"]
    return wrapped("\n".join([*lines, *rows(found)]) + "\n")
