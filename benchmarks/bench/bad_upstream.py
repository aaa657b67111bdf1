"""An upstream that knows the worst answers: ``python -m bench.bad_upstream PORT FILE`` on 127.0.0.1.

The file has queries and answers, as :func:`write_answers` puts them there. Over UDP what is large is cut. Any
other name has one address.
"""

from __future__ import annotations

import socketserver
import struct
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

from bench.shapes import UDP, Asked

HEADER = 12
_CUT = b"\x83\x80\0\1\0\0\0\0\0\0"
_PLAIN = b"\x81\x80\0\1\0\1\0\0\0\0"
_ADDRESS = b"\xc0\x0c\0\1\0\1\0\1\x51\x80\0\4\xc0\0\2\1"
Answers = dict[bytes, bytes]


def question_of(packet: bytes) -> bytes:
    """The question section of a query or an answer, as it stands there."""
    return packet[HEADER : packet.index(b"\0", HEADER) + 5]


def write_answers(path: Path, known: Iterable[Asked]) -> None:
    """The answers, each after its length."""
    path.write_bytes(b"".join(struct.pack(">H", len(each.answer)) + each.answer for each in known))


def read_answers(path: Path) -> Answers:
    """Answers by their question in lower case."""
    content, at, known = path.read_bytes(), 0, {}
    while at < len(content):
        (length,) = struct.unpack_from(">H", content, at)
        answer = content[at + 2 : at + 2 + length]
        known[question_of(answer).lower()] = answer
        at += 2 + length
    return known


def reply(known: Answers, packet: bytes, *, whole: bool) -> bytes:
    """The answer with the query's id and letter case; cut where it is not taken whole."""
    question = question_of(packet)
    answer = known.get(question.lower())
    if answer is None:
        return packet[:2] + _PLAIN + question + _ADDRESS
    if not whole and len(answer) > UDP:
        return packet[:2] + _CUT + question
    return packet[:2] + answer[2:HEADER] + question + answer[HEADER + len(question) :]


def main() -> int:
    """Serve until ended."""
    port, known = int(sys.argv[1]), read_answers(Path(sys.argv[2]))

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            packet, server = self.request
            server.sendto(reply(known, packet, whole=False), self.client_address)

    class Stream(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while len(size := self.rfile.read(2)) == 2:
                answer = reply(known, self.rfile.read(struct.unpack(">H", size)[0]), whole=True)
                self.wfile.write(struct.pack(">H", len(answer)) + answer)

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer.daemon_threads = True
    tcp = socketserver.ThreadingTCPServer(("127.0.0.1", port), Stream)
    threading.Thread(target=tcp.serve_forever, daemon=True).start()
    with socketserver.UDPServer(("127.0.0.1", port), Datagram) as udp:
        udp.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
