"""An accounting packet: its attributes, its proof, its answer, and the event that it tells of.

RFC 2866 (accounting), 5997 (Status-Server), 5176 (CoA and Disconnect), 3579 3.2 (Message-Authenticator).
"""

from filterd.accounting.radius_types import Judged, LineRule, RadiusClient

def judge(
    text: bytes, client: RadiusClient, rule: LineRule, key: bytes, sender: bytes, arrival: int
) -> Judged:
    """The outcome of a datagram of a client, the answer and the event. ``key`` and ``sender`` have 16 bytes;
    ``arrival``: milliseconds, Unix time. ValueError for an empty secret and more than MOST_STEPS steps."""
