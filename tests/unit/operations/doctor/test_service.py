"""The running roles: their pages, their code, and the addresses at which they answer."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dns.message
import pytest

from filterd.operations.doctor import dns_probe, pages, service
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.processes import Process
from tests.e2e.authority import free_port
from tests.e2e.resolver_process import upstream
from tests.worlds.findings import ids, values
from tests.worlds.installation import NOW
from tests.worlds.pages import serving

WITH_CASE = Callable[..., Case]
OK = {"/readyz": (200, "ready\n"), "/healthz": (200, "ok\n"), "/metrics": (200, "filterd_reduced_mode 0.0\n")}


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_probe, "UDP_SECONDS", 0.2)
    monkeypatch.setattr(pages, "PAGE_SECONDS", 0.5)


@contextmanager
def running(make: WITH_CASE, resolver: Process, **changes: tuple[int, str]) -> Iterator[Case]:
    """A resolver that runs, with these pages, and answers over UDP and TCP."""
    shown = OK | {f"/{name}": page for name, page in changes.items()}
    with serving(shown) as page, upstream(dns.message.make_response) as (port, _), tcp(port):
        case = make(dns={"listen": [f"127.0.0.1:{port}"]}, metrics={"listen": f"127.0.0.1:{page}"})
        case = replace(case, roles={"resolver": replace(resolver, started=NOW * 2)})
        yield case


@contextmanager
def tcp(port: int) -> Iterator[None]:
    """Something that answers over TCP at the port: the question itself, with QR set."""
    import threading

    server = socket.create_server(("127.0.0.1", port))

    def serve() -> None:
        while True:
            try:
                connection = server.accept()[0]
            except OSError:
                return
            with connection:
                data = bytearray(connection.recv(4096))
                if len(data) > 4:
                    data[4] |= 0x80
                    connection.sendall(data)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def look(case: Case) -> list[str]:
    """The ids, without that of the control that does not run here."""
    return [each for each in ids(service.check(case)) if each != "service.control_down"]


def test_a_resolver_that_is_ready_has_no_findings(with_settings: WITH_CASE, resolver: Process) -> None:
    with running(with_settings, resolver) as case:
        assert look(case) == []


def test_roles_that_do_not_run(case: Case) -> None:
    assert ids(service.check(case)) == ["service.resolver_down", "service.control_down"]


def test_a_role_whose_process_is_hidden_is_not_called_down(with_settings: WITH_CASE) -> None:
    with serving(OK) as page:
        case = with_settings(metrics={"listen": f"127.0.0.1:{page}"})
        found = list(service.check(case))
    assert ids(found) == ["doctor.unread", "service.control_down"]
    assert "cannot be seen" in str(values(found, "doctor.unread")["reason"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"readyz": (503, "not ready: no snapshot\n")}, "service.resolver_not_ready"),
        ({"healthz": (503, "failing: udp 127.0.0.1:53\n")}, "service.unhealthy"),
        ({"metrics": (200, "filterd_reduced_mode 1.0\n")}, "service.reduced_mode"),
    ],
)
def test_pages_that_say_what_is_wrong(
    with_settings: WITH_CASE, resolver: Process, changes: dict[str, tuple[int, str]], told: str
) -> None:
    with running(with_settings, resolver, **changes) as case:
        found = list(service.check(case))
    assert told in ids(found)
    if told == "service.resolver_not_ready":
        assert values(found, told)["reason"] == "no snapshot"


def test_a_control_that_is_not_ready(with_settings: WITH_CASE, resolver: Process) -> None:
    with serving(OK | {"/readyz": (503, "not ready: the policies have errors\n")}) as page:
        case = with_settings(control={"listen": f"127.0.0.1:{page}"})
        case = replace(case, roles={"control": replace(resolver, role="control", started=NOW * 2)})
        found = values(service.check(case), "service.control_not_ready")
    assert found["reason"] == "the policies have errors"


def test_settings_that_wait_for_a_restart_of_control(with_settings: WITH_CASE, resolver: Process) -> None:
    """Seen: the log of control said it once, and nobody who came later was told."""
    text = "ready; settings wait for a restart of control: store, accounting.leases; more\n"
    with serving(OK | {"/readyz": (200, text)}) as page:
        case = with_settings(control={"listen": f"127.0.0.1:{page}"})
        case = replace(case, roles={"control": replace(resolver, role="control", started=NOW * 2)})
        found = values(service.check(case), "service.settings_wait")
    assert found == {"role": "control", "keys": "store, accounting.leases"}


def test_a_role_without_a_page_or_that_is_stopped(with_settings: WITH_CASE, resolver: Process) -> None:
    case = with_settings(metrics={"listen": f"127.0.0.1:{free_port()}"})
    assert "service.no_page" in ids(service.check(replace(case, roles={"resolver": resolver})))
    stopped = replace(case, roles={"resolver": replace(resolver, stopped=True)})
    assert values(service.check(stopped), "service.stopped")["pid"] == resolver.pid


def test_code_that_was_installed_after_the_start(
    with_settings: WITH_CASE, resolver: Process, tmp_path: Path
) -> None:
    (tmp_path / "new.py").touch()
    with running(with_settings, resolver) as case:
        machine = replace(case.machine, code=tmp_path / "new.py")
        old = {"resolver": replace(resolver, started=1_000_000.0)}
        assert "service.outdated" in look(replace(case, machine=machine, roles=old))
        assert "service.outdated" not in look(replace(case, machine=machine))


def test_an_address_that_does_not_answer(with_settings: WITH_CASE, resolver: Process) -> None:
    with running(with_settings, resolver) as case:
        mute = free_port()
        dns = replace(case.settings.dns, listen=(replace(case.settings.dns.listen[0], port=mute),))
        found = list(service.check(replace(case, settings=replace(case.settings, dns=dns))))
    silent = [each.values["protocol"] for each in found if each.id == "service.silent_address"]
    assert silent == ["UDP", "TCP"]


def test_a_sender_that_needs_a_header_is_not_asked(with_settings: WITH_CASE, resolver: Process) -> None:
    with running(with_settings, resolver) as case:
        listen = [f"127.0.0.1:{free_port()}"]
        behind = with_settings(dns={"listen": listen, "proxy_from": ["127.0.0.0/8"]})
        settings = replace(case.settings, dns=behind.settings.dns)
        assert look(replace(case, settings=settings)) == []
