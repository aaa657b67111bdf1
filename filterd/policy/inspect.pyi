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
    excepted: bool = False,
    traced: bool = True,
    remembered: bool = False,
) -> Decision | None:
    """The verdict on an answer; None when the message cannot be walked or is too large: the client gets
    SERVFAIL.

    ``remembered``: without a trace, and by what the answer's union remembers, as for a cached answer.

    ``own_allow`` and ``is_protected`` are those of the decision on the query's name; ``rewritten``: the
    answer is a safe host's, and safe search asks for nothing more. Of several verdicts the first in
    precedence stands, then the first in the message.
    """

EFFORT: dict[str, int]
"""The bound (``most``) and the units of ``inspect_reference``."""

def too_large(message: bytes) -> bool:
    """True if the whole message takes more effort than the bound, what is only read of it included.

    False for one that is damaged before it comes to that.
    """

def message_touches(state: PublishedState, line: LineHandle | None, message: bytes, now: int) -> bool:
    """True if inspection could give this line anything but a pass: False is certain, True is not."""
