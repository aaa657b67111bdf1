"""The log's word on answers to authorities that went before every node had what they say."""

from __future__ import annotations

from collections.abc import Sequence

from filterd.telemetry import log

NAMED = 10
"""nodes that one line names"""


def answers_ahead(register: str, run: int, nodes: Sequence[str]) -> None:
    """Log that the answers to a document (``run``) went while these nodes lacked what was processed."""
    log.get().warning(
        "answers went before every node has what they say",
        register=register,
        run=run,
        node=", ".join(nodes[:NAMED]),
        count=len(nodes),
        remedy="see: filterd node list",
    )
