"""A DHCP relay with one client behind it: asks for a lease with option 82, as an access node does (RFC 3046).

Run as a program in the relay's network: RELAY SERVER CLIENT-MAC CIRCUIT-ID REMOTE-ID (hexadecimal).
"""

from __future__ import annotations

import socket
import struct
import sys

COOKIE = bytes.fromhex("63825363")
DISCOVER, REQUEST, ACK = 1, 3, 5
TYPE, SERVER, REQUESTED, AGENT, END = 53, 54, 50, 82, 255


def option(number: int, value: bytes) -> bytes:
    """One option."""
    return bytes([number, len(value)]) + value


def request(relay: bytes, mac: bytes, kind: int, *options: bytes) -> bytes:
    """A client's message as its relay passes it on."""
    head = struct.pack(">BBBBIHH", 1, 1, 6, 1, 7, 0, 0)
    head += bytes(12) + relay + mac.ljust(16, b"\0") + bytes(192)
    return head + COOKIE + option(TYPE, bytes([kind])) + b"".join(options) + bytes([END])


def options_of(answer: bytes) -> dict[int, bytes]:
    """The options of an answer."""
    found, at = {}, 240
    while answer[at] != END:
        found[answer[at]] = answer[at + 2 : at + 2 + answer[at + 1]]
        at += 2 + answer[at + 1]
    return found


def main(relay_text: str, server: str, mac_text: str, circuit: str, remote: str) -> None:
    """Get a lease, and print its address."""
    relay, mac = socket.inet_aton(relay_text), bytes.fromhex(mac_text.replace(":", ""))
    agent = option(AGENT, option(1, bytes.fromhex(circuit)) + option(2, bytes.fromhex(remote)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.settimeout(2)
        bound.bind((relay_text, 67))

        def ask(kind: int, *options: bytes) -> bytes:
            for _ in range(10):
                bound.sendto(request(relay, mac, kind, *options, agent), (server, 67))
                try:
                    return bound.recv(4096)
                except TimeoutError:
                    continue
            sys.exit("no answer")

        offer = ask(DISCOVER)
        address = offer[16:20]
        chosen = option(REQUESTED, address), option(SERVER, options_of(offer)[SERVER])
        if options_of(ask(REQUEST, *chosen))[TYPE] != bytes([ACK]):
            sys.exit("no lease")
    print(socket.inet_ntoa(address))


if __name__ == "__main__":
    main(*sys.argv[1:])
