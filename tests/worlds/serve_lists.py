"""``make list-server``: a list server over TLS on this machine, to try a feed from a URL.

    python -m tests.worlds.serve_lists FOLDER [--port PORT]

Serves https://127.0.0.1:PORT/names.txt until it is ended. ``FOLDER/names.txt`` is the list, written with one
name unless it is there; ``FOLDER/ca.pem`` is the authority of the server's certificate.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.worlds.certificates import Authority
from tests.worlds.list_server import ListServer, Request

PORT = 8443
NAMES = b"shop.example\n"


class FolderServer(ListServer):
    """Serves a file as it stands at each request."""

    def content(self, request: Request) -> bytes:
        """The file's content."""
        del request
        return (self.folder / "names.txt").read_bytes()


def made(folder: Path) -> ListServer:
    """A server of the folder's list, with its authority written."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority()
    (folder / "ca.pem").write_bytes(authority.pem)
    if not (folder / "names.txt").exists():
        (folder / "names.txt").write_bytes(NAMES)
    return FolderServer(authority, folder, name="127.0.0.1")


@contextlib.contextmanager
def in_thread(server: ListServer, port: int = 0) -> Iterator[ListServer]:
    """Serve in a thread of its own until the block ends."""
    started = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        end = asyncio.Event()
        loops.append((asyncio.get_running_loop(), end))
        async with server.serving(port=port):
            started.set()
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        loop, end = loops[0]
        loop.call_soon_threadsafe(end.set)
        thread.join()


async def _serve(folder: Path, port: int) -> None:
    async with made(folder).serving(port=port) as server:
        print(f"https://127.0.0.1:{server.port}/names.txt, by the authority in {folder}/ca.pem", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=PORT)
    chosen = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(chosen.folder, chosen.port))


if __name__ == "__main__":
    main()
