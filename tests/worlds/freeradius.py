"""A real FreeRADIUS server on loopback, which takes accounting as a provider's does and hands it to filterd.

Its configuration is written into the test's own folder, nothing of the machine's is read but the modules and
dictionaries of the package. It runs in the foreground and ends with the ``with`` block.
"""

from __future__ import annotations

import contextlib
import subprocess
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
radacctdir = {folder}/accounting
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
home_server filterd {{
    type = acct
    ipaddr = 127.0.0.1
    port = {filterd}
    secret = {secret}
    response_window = 2
    zombie_period = 3
    status_check = status-server
    check_interval = 6
    check_timeout = 2
    num_answers_to_alive = 3
}}
home_server filterd-coa {{
    type = coa
    ipaddr = 127.0.0.1
    port = {filterd}
    src_ipaddr = 127.0.0.1
    secret = {secret}
    coa {{
        irt = 1
        mrt = 4
        mrc = 3
        mrd = 10
    }}
}}
home_server_pool filterd {{
    type = fail-over
    home_server = filterd
}}
home_server_pool filterd-coa {{
    type = fail-over
    home_server = filterd-coa
}}
realm filterd {{
    acct_pool = filterd
    coa_pool = filterd-coa
}}
modules {{
    always ok {{
        rcode = ok
    }}
    replicate {{
    }}
    detail copy {{
        filename = ${{radacctdir}}/copy
        permissions = 0600
        locking = yes
    }}
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
_READER = """
server reader {
    listen {
        type = detail
        filename = ${radacctdir}/copy
        load_factor = 90
        poll_interval = 1
        retry_interval = 3
    }
    preacct {
        update control {
            Proxy-To-Realm := filterd
        }
    }
    accounting {
        ok
    }
}
"""


@contextlib.contextmanager
def freeradius(
    folder: Path, filterd: int, secret: str, forwarding: Forwarding = Forwarding.PROXY
) -> Iterator[FreeRadius]:
    """A server that hands accounting, CoA and Disconnect to the port ``filterd`` of 127.0.0.1."""
    accounting = folder / "accounting"
    accounting.mkdir(parents=True, exist_ok=True)
    detail = forwarding is Forwarding.DETAIL
    made = FreeRadius(free_port(), free_port(), folder / "freeradius.log")
    (folder / "dictionary").write_text("")
    (folder / "radiusd.conf").write_text(
        _MAIN.format(
            folder=folder,
            from_nas=FROM_NAS,
            filterd=filterd,
            secret=secret,
            accounting=made.accounting,
            coa=made.coa,
            before=_BEFORE[forwarding],
            on_coa=_ON_COA[forwarding],
            during="copy" if detail else "",
            reader=_READER if detail else "",
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
