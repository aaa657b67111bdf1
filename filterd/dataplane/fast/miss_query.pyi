"""Queries to upstreams and the checks on replies, as native threads make them."""

from filterd.dataplane.upstream.forward_types import Question
from filterd.dataplane.upstream.message import Check, QueryForm

def write_query(question: Question, form: QueryForm, id: int, coin: int) -> tuple[bytes, bytes]:
    """The question as it is sent and the whole query; bit ``n`` of ``coin`` turns the case of the name's byte
    ``n``. ValueError unless the name is one."""

def check(reply: bytes, question: Question, form: QueryForm, id: int, asked: bytes) -> Check:
    """The relation of a datagram to the query with that id, whose question went as ``asked``."""
