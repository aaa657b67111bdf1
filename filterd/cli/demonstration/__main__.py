"""``make run``: writes the installation, starts its upstream and ``filterd serve``, prints a guide."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

import click

from filterd.cli.demonstration import entrances, guide, installation
from filterd.cli.demonstration.installation import SINKHOLES, Ports
from filterd.cli.demonstration.upstream import DemonstrationUpstream
from filterd.cli.failure import Failure
from filterd.cli.serving import require_native
from filterd.config.load import RESOLV_CONF
from filterd.config.resolvers import system_resolvers
from filterd.operations.context import OperationError

FOLDER = Path("build/run")
POLICIES = Path("policies")
READY_SECONDS = 60.0
POLL_SECONDS = 0.1
STOP_SECONDS = 15.0
LOG_LINES = 5
"""the lines of the server's log that are shown when it cannot start"""


def main() -> None:
    """Run the demonstration of ``make run``; ends the process."""
    sys.exit(demonstrate(FOLDER, POLICIES, Ports()))


def demonstrate(folder: Path, policies: Path, ports: Ports) -> int:
    """Run until Ctrl-C; return the exit code. Prints a message and a remedy if it cannot run."""
    try:
        require_native()
        return asyncio.run(run(folder, policies, ports))
    except OperationError as error:
        failure = Failure(str(error), error.remedy)
    except Failure as error:
        failure = error
    failure.show()
    return failure.exit_code


async def run(folder: Path, policies: Path, ports: Ports) -> int:
    """Run the demonstration in ``folder`` until a signal or the end of the server; return the exit code."""
    require_free(ports)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with DemonstrationUpstream(system_resolvers(RESOLV_CONF)) as upstream:
        config = installation.write_files(folder, policies, ports, upstream.port)
        await installation.prepare(config, click.echo)
        online = asyncio.create_task(upstream.online())
        server = await _start(config)
        try:
            await _wait_ready(server, config, ports, stopping)
            if not stopping.is_set():
                ways = await entrances.make(config)
                dig = shutil.which("dig") is not None
                click.echo(guide.text(config, ports, await online, dig, ways))
            return await _wait_end(server, stopping)
        finally:
            online.cancel()
            await _stop(server)


async def _start(config: Path) -> asyncio.subprocess.Process:
    """Start ``filterd serve`` in its own session, so that Ctrl-C reaches only us. It logs to a file."""
    command = (sys.executable, "-m", "filterd.cli.main", "serve", "--config", str(config))
    with guide.log_of(config).open("wb") as log:
        return await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, start_new_session=True)


def require_free(ports: Ports) -> None:
    """Raise Failure with every port that is in use."""
    served = (ports.dns, ports.metrics, ports.control, ports.portal, ports.desk, ports.regulator, ports.web)
    wanted = [(ports.dns, "udp"), *((port, "tcp") for port in served)]
    taken = [f"port {port}/{kind} is in use" for port, kind in wanted if not _is_free(port, kind)]
    if not all(_is_free(ports.block, "tcp", address) for address in SINKHOLES.values()):
        taken.append(f"port {ports.block}/tcp is in use")
    if taken:
        remedy = "stop what listens there (another make run?); ss -lntup shows it"
        raise Failure(taken, remedy)


def _is_free(port: int, kind: str, address: str = "127.0.0.1") -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as probe:
        if kind == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


async def _wait_ready(
    server: asyncio.subprocess.Process, config: Path, ports: Ports, stopping: asyncio.Event
) -> None:
    """Wait until all roles are ready. Raises Failure if they end before or take too long."""
    pages = [f"http://127.0.0.1:{port}/readyz" for port in (ports.metrics, ports.control, ports.web)]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READY_SECONDS):
            while not stopping.is_set():
                if server.returncode is not None:
                    log = guide.log_of(config)
                    last = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
                    ended = f"filterd serve ended with exit code {server.returncode}"
                    raise Failure([*last, ended], f"read the whole log: {log}")
                if all([await asyncio.to_thread(_ready, page) for page in pages]):
                    return
                await asyncio.sleep(POLL_SECONDS)
            return
    remedy = f"see {', '.join(pages)}"
    message = f"filterd was not ready within {READY_SECONDS:.0f} seconds"
    raise Failure(message, remedy)


def _ready(page: str) -> bool:
    try:
        with urllib.request.urlopen(page, timeout=2) as answer:  # noqa: S310 - our own page
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


async def _wait_end(server: asyncio.subprocess.Process, stopping: asyncio.Event) -> int:
    """Wait for a signal (return 0) or the server's end (return its exit code)."""
    ended = asyncio.create_task(server.wait())
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in (ended, stopped):
        task.cancel()
    return 0 if stopping.is_set() else server.returncode or 1


async def _stop(server: asyncio.subprocess.Process) -> None:
    """Stop the server as a service manager would."""
    if server.returncode is not None:
        return
    server.terminate()
    try:
        await asyncio.wait_for(server.wait(), STOP_SECONDS)
    except TimeoutError:
        server.kill()
        await server.wait()


if __name__ == "__main__":
    main()
