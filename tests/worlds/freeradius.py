"""A real FreeRADIUS server on loopback, which takes accounting as a provider's does and hands it to filterd.

Its configuration is that of docs/sessions.md, in a folder of the test; nothing of the machine is read but the
modules and dictionaries of the package. It runs in the foreground and ends with the ``with`` block.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.e2e.authority import free_port
from tests.worlds.system import command

READY_SECONDS = 60.0
READY = "Ready to process requests"
FROM_NAS = "between-nas-and-server"
"""the secret of the packets that come from a NAS"""


class Forwarding(StrEnum):
    """How it hands accounting on; the recipes in docs/sessions.md have the same three."""

    PROXY = "proxy"
    """the NAS is answered once filterd has answered"""
    REPLICATE = "replicate"
    """a copy is sent, and nobody waits for its answer"""
    DETAIL = "detail"
    """written to a file first, and sent from there until filterd answers"""


@dataclass(frozen=True, slots=True)
class FreeRadius:
    """A running one."""

    accounting: int
    """the port for accounting"""
    coa: int
    """the port for CoA and Disconnect"""
    log: Path

    def text(self) -> str:
        """All that it wrote so far, in debug mode."""
        return self.log.read_text(errors="replace")


_MAIN = """
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {folder}
raddbdir = {folder}
radacctdir = {details}
run_dir = {folder}
checkrad = /bin/false
max_request_time = 10
cleanup_delay = 2
hostname_lookups = no
proxy_requests = yes
log {{
    destination = stdout
}}
security {{
    status_server = yes
}}
client nas {{
    ipaddr = 127.0.0.0/8
    secret = {from_nas}
    require_message_authenticator = no
}}
{servers}
modules {{
    always ok {{
        rcode = ok
    }}
    replicate {{
    }}
    {detail}
}}
server nas {{
    listen {{
        type = acct
        ipaddr = 127.0.0.1
        port = {accounting}
    }}
    listen {{
        type = coa
        ipaddr = 127.0.0.1
        port = {coa}
    }}
    preacct {{
        {before}
        ok
    }}
    accounting {{
        {during}
        ok
    }}
    recv-coa {{
        {on_coa}
        ok
    }}
    send-coa {{
        ok
    }}
}}
{reader}
"""
_CONTROL = """update control {{
            {attribute} := {value}
        }}"""
_PROXY = _CONTROL.format(attribute="Proxy-To-Realm", value="filterd")
_REPLICATE = _CONTROL.format(attribute="Replicate-To-Realm", value="filterd") + "\n        replicate"
_PROXY_COA = _CONTROL.format(attribute="Home-Server-Pool", value="filterd-coa")
_BEFORE = {Forwarding.PROXY: _PROXY, Forwarding.REPLICATE: _REPLICATE, Forwarding.DETAIL: ""}
_ON_COA = {Forwarding.PROXY: _PROXY_COA, Forwarding.REPLICATE: _REPLICATE, Forwarding.DETAIL: _PROXY_COA}
PAGE = Path(__file__).parents[2] / "docs/sessions.md"


def recipe(filterd: int, secret: str) -> list[str]:
    """The four blocks of the page, for this machine: server, detail file, its reader, and server for CoA."""
    section = PAGE.read_text().partition("### FreeRADIUS")[2].partition("\n### ")[0]
    blocks = re.findall(r"^```text\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    here = {
        "192.0.2.53": "127.0.0.1",
        "192.0.2.249": "127.0.0.1",
        "port = 1813": f"port = {filterd}",
        "secret = ...": f"secret = {secret}",
    }
    for old, new in here.items():
        blocks = [block.replace(old, new) for block in blocks]
    assert len(blocks) == 4, f"{PAGE} has other blocks than these tests know"
    return blocks


@contextlib.contextmanager
def freeradius(
    folder: Path, filterd: int, secret: str, forwarding: Forwarding = Forwarding.PROXY
) -> Iterator[FreeRadius]:
    """A server that hands accounting, CoA and Disconnect to the port ``filterd`` of 127.0.0.1."""
    # FreeRADIUS makes no detail file on a tmpfs, where the folder of a run may be.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as details:
        yield from _running(folder, Path(details), filterd, secret, forwarding)


def _running(
    folder: Path, details: Path, filterd: int, secret: str, forwarding: Forwarding
) -> Iterator[FreeRadius]:
    detail = forwarding is Forwarding.DETAIL
    made = FreeRadius(free_port(), free_port(), folder / "freeradius.log")
    server, file, reader, server_coa = recipe(filterd, secret)
    with_coa = server.replace("acct_pool = filterd\n", "acct_pool = filterd\n    coa_pool = filterd-coa\n")
    (folder / "dictionary").write_text("")
    (folder / "radiusd.conf").write_text(
        _MAIN.format(
            folder=folder,
            details=details,
            from_nas=FROM_NAS,
            servers=server_coa + with_coa,
            accounting=made.accounting,
            coa=made.coa,
            before=_BEFORE[forwarding],
            on_coa=_ON_COA[forwarding],
            detail=file if detail else "",
            during="filterd" if detail else "",
            reader=reader if detail else "",
        )
    )
    program = command("freeradius")
    assert program is not None, "freeradius is not installed"
    with made.log.open("wb") as output:
        process = subprocess.Popen(
            [str(program), "-X", "-d", str(folder), "-n", "radiusd"], stdout=output, stderr=output
        )
    try:
        _wait(process, made)
        yield made
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(process: subprocess.Popen[bytes], made: FreeRadius) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if READY in made.text():
            return
        time.sleep(0.05)
    process.kill()
    process.wait()
    msg = f"FreeRADIUS did not start: {made.text()[-2000:]}"
    raise RuntimeError(msg)


def radclient(kind: str, port: int, attributes: Mapping[str, str], secret: str = FROM_NAS) -> str:
    """Send one packet with the ``radclient`` of the package: ``acct``, ``coa``, ``disconnect`` or ``status``.

    Returns what it printed of the answer; it fails where none came.
    """
    program = command("radclient")
    assert program is not None, "radclient is not installed"
    words = [str(program), "-x", "-r", "3", "-t", "2", f"127.0.0.1:{port}", kind, secret]
    lines = "".join(f"{name} = {value}\n" for name, value in attributes.items())
    done = subprocess.run(words, input=lines, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout
