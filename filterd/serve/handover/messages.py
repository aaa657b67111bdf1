"""The messages between a resolver that leaves and its successor, over ``state_dir/handover.sock``.

A Unix socket that keeps the bounds of messages (SOCK_SEQPACKET), for the user of filterd alone. A message is
one object of JSON; listening sockets travel with it as descriptors (unix(7), SCM_RIGHTS)::

    successor                                       predecessor
    {"word": "take", "version": 1}           ->
                                             <-     {"word": "here", "version": 1, ...}
                                             <-     {"word": "sockets", "kind": "udp"} with descriptors, ...
                                             <-     {"word": "all"}
    {"word": "ready", "taken": [...]}        ->
                                             <-     {"word": "left"}

``{"word": "refused", "reason": ...}`` may come instead of ``here``; ``{"word": "end"}`` tells a predecessor
to end at once. The two may be of different versions of filterd: unknown fields are ignored, and a change that
the other cannot ignore takes another ``version``, with which nothing is passed on.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

SOCKET = "handover.sock"
VERSION = 1
MOST_DESCRIPTORS = 128
"""in one message; the kernel takes 253"""
_LARGEST = 1 << 16
_CREDENTIALS = struct.Struct("3i")
"""of SO_PEERCRED: process, user, group"""


class Word(StrEnum):
    """The kinds of messages."""

    TAKE = "take"
    HERE = "here"
    SOCKETS = "sockets"
    ALL = "all"
    READY = "ready"
    LEFT = "left"
    REFUSED = "refused"
    END = "end"


class HandoverError(OSError):
    """The other end broke off, is another user's, or does not speak as expected."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that came."""

    word: Word
    fields: dict[str, Any]
    descriptors: list[int] = field(default_factory=list)

    @property
    def version(self) -> int:
        """The version that the sender speaks; 0: it does not say."""
        version = self.fields.get("version")
        return version if isinstance(version, int) else 0

    @property
    def reason(self) -> str:
        """The reason of a refusal."""
        return str(self.fields.get("reason", ""))


def address_of(state_dir: Path) -> Path:
    """The path of the socket."""
    return state_dir / SOCKET


def new_socket() -> socket.socket:
    """A socket of the right kind."""
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(
    link: socket.socket,
    word: Word,
    fields: Mapping[str, object] = MappingProxyType({}),
    descriptors: Sequence[int] = (),
) -> None:
    """Send one message. Raises ``OSError``."""
    text = json.dumps({**fields, "word": word}, separators=(",", ":")).encode()
    socket.send_fds(link, [text], list(descriptors), socket.MSG_NOSIGNAL)


def receive(link: socket.socket) -> Message:
    """The next message. Raises HandoverError, and ``OSError`` where nothing came in time."""
    text, descriptors, flags, _ = socket.recv_fds(link, _LARGEST, MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
    try:
        if not text:
            msg = "the other end is gone"
            raise HandoverError(msg)
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            msg = "a message was cut"
            raise HandoverError(msg)
        fields = json.loads(text)
        return Message(Word(fields["word"]), fields, descriptors)
    except (ValueError, KeyError, TypeError) as error:
        _close(descriptors)
        msg = "a message is not readable"
        raise HandoverError(msg) from error
    except HandoverError:
        _close(descriptors)
        raise


def peer_of(link: socket.socket) -> int:
    """The process at the other end. Raises HandoverError where it is not the same user's, or root's."""
    size = _CREDENTIALS.size
    pid, user, _ = _CREDENTIALS.unpack(link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    if user not in (0, os.geteuid()):
        msg = "the other end belongs to another user"
        raise HandoverError(msg)
    return int(pid)


def _close(descriptors: Sequence[int]) -> None:
    for each in descriptors:
        os.close(each)
