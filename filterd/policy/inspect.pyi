"""The verdict on an answer."""

from filterd.policy.decide import LineHandle, PublishedState
from filterd.policy.trace import Decision

def inspect_message(
    state: PublishedState,
    line: LineHandle | None,
    message: bytes,
    own_allow: bool,
    now: int,
    *,
    is_protected: bool = False,
    rewritten: bool = False,
    traced: bool = True,
) -> Decision | None:
    """The verdict on an answer; None when the message cannot be walked (the client gets SERVFAIL).

    ``own_allow`` and ``is_protected`` are those of the decision on the query's name; ``rewritten``: the
    answer is a safe host's, and safe search asks for nothing more. Of several verdicts the first in
    precedence stands, then the first in the message.
    """

def message_touches(state: PublishedState, line: LineHandle | None, message: bytes, now: int) -> bool:
    """Whether inspection could give this line anything but a pass: False is certain, True is not."""
