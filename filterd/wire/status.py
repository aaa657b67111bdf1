"""The outcomes of parsing hostile bytes. The native enum in ``codec.pxd`` has the same numbers."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """The outcome of parsing; all but OK and END mean that the bytes are refused."""

    OK = 0
    END = 1
    """a walk or an iterator has nothing more"""
    TRUNCATED = 2
    """a field runs past the end of its message, record or option"""
    BAD_LABEL = 3
    """a label type other than 00 (length) and 11 (pointer), RFC 1035 §4.1.4"""
    BAD_POINTER = 4
    """a compression pointer not strictly backwards, into the header, or too many in a row"""
    NAME_TOO_LONG = 5
    """more than 255 bytes, RFC 1035 §3.1"""
    BAD_COUNT = 6
    """section counts that no query has"""
    BAD_OPTION = 7
    """a malformed OPT record or option"""
    DUPLICATE_OPT = 8
    """RFC 6891 §6.1.1"""
    BAD_DATA = 9
    """record data that its type does not allow"""
    NOT_A_QUERY = 10
    """QR is set in a query: never answered"""
    NOT_AN_ANSWER = 11
    """QR is clear in an answer; or it answers nothing, see ``scrub_reference.check_answer``"""
    UNKNOWN_OPCODE = 12
    """not a QUERY: answered NOTIMP"""
    TRAILING = 13
    """bytes left over behind a name or record data"""
    NO_SPACE = 14
    """the caller's buffer is too small"""
    NO_QUESTION = 15
    """a query without a question that asks for a server cookie, RFC 7873 §5.4"""
