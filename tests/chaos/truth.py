"""Every name that is asked, and what of it was acknowledged: from when it must be blocked, and until when.

Times are those of :func:`time.monotonic`. Written by the one who gives orders, read by the one who asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

NEVER = float("inf")


class Kind(Enum):
    """The ground on which a name is asked."""

    MANDATORY = "mandatory"
    """an order, or the adopted list"""
    CHOICE = "choice"
    """a name of a category, asked by a line that may have opted in"""
    CONTROL = "control"
    """a name that nobody blocks"""


class Answer(Enum):
    """The kinds of answers to a question."""

    BLOCKED = "blocked"
    """EDE 16 or 17, and no address of the upstream"""
    UNFILTERED = "unfiltered"
    """the upstream's address"""
    FAILED = "failed"
    """SERVFAIL, or nothing that says why"""
    SILENT = "silent"
    """no answer in time"""


@dataclass(eq=False)
class Name:
    """A name, who asks for it, and the time in which it must be blocked."""

    name: str
    kind: Kind
    source: str
    blocked_from: float = NEVER
    free_from: float = 0.0
    """from then on it may be served: since before the order, and again once its withdrawal is on the way"""
    reference: str = ""
    """of the order"""
    revision: int = 0
    """the revision of the store that holds the order"""
    ends: bool = False
    """whether it is ordered up to a time that comes"""
    stored: bool = True
    """whether the store that stands in its place has it; else the node alone knows it"""
    open_from: float = NEVER
    """from then on it may not be blocked: its end was acknowledged, and a second has passed"""

    def must_be_blocked(self, sent: float, received: float) -> bool:
        """True if a question of this time may not be answered unfiltered."""
        return self.blocked_from <= sent and not (self.free_from and self.free_from <= received)

    def must_be_open(self, sent: float) -> bool:
        """True if a question of this time may not be answered as blocked."""
        return self.kind is Kind.CONTROL or self.open_from <= sent

    @property
    def in_force(self) -> bool:
        """True if it was ordered or asked for, and not ended since."""
        return self.blocked_from < NEVER and not self.free_from


@dataclass
class Wrong:
    """An answer that must not have been."""

    name: str
    kind: Kind
    after: float
    """seconds since the name had to be blocked, or open"""


@dataclass
class Truth:
    """All names of one installation."""

    names: list[Name] = field(default_factory=list)
    unfiltered: list[Wrong] = field(default_factory=list)
    without_right: list[Wrong] = field(default_factory=list)
    """blocked although its end had been acknowledged, or nobody had asked for a block"""

    def add(self, name: Name) -> Name:
        """Ask for it from now on."""
        self.names = [*self.names, name]
        return name

    def forget(self, name: Name) -> None:
        """Ask no more."""
        self.names = [each for each in self.names if each is not name]

    def of(self, *kinds: Kind) -> list[Name]:
        """The names of these kinds."""
        return [each for each in self.names if each.kind in kinds]

    def judge(self, name: Name, answer: Answer, sent: float, received: float) -> None:
        """Take down an answer that must not have been."""
        if answer is Answer.UNFILTERED and name.must_be_blocked(sent, received):
            self.unfiltered.append(
                Wrong(f"{name.name} from {name.source}", name.kind, sent - name.blocked_from)
            )
        if answer is Answer.BLOCKED and name.must_be_open(sent):
            self.without_right.append(
                Wrong(f"{name.name} from {name.source}", name.kind, sent - min(name.open_from, sent))
            )
