"""The parts between the roles: the lock of a state directory, a node's reports, the supervisor's pauses."""

from __future__ import annotations

import asyncio
import io
import json
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, cast

import pytest

from filterd.config.load import Configuration, load_configuration
from filterd.model.records import CanaryResult, CanaryState, FeedInForce, NodeReport
from filterd.serve.node_reports import (
    AWAY_SECONDS,
    SOCKET,
    ControlLink,
    NodeReportListener,
    from_line,
    report_for_ever,
    to_line,
)
from filterd.serve.process import close_state, lock_state_dir, private_in, run_role
from filterd.serve.supervisor import (
    FIRST_PAUSE,
    GIVE_UP_SECONDS,
    GIVE_UP_STARTS,
    LONGEST_PAUSE,
    Child,
    Supervisor,
)
from filterd.serve.wiring import versions_of
from filterd.telemetry import log
from tests.worlds.installation import write_policies

REPORT = NodeReport("resolver-1", 5.0, 3, 4, "ab", True, {"starter-adult": "1 d1"})


def test_a_state_directory_is_held_by_one_process_of_a_role(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filterd.serve.process.HOLD_SECONDS", 0.1)
    first, other = lock_state_dir(tmp_path, "resolver"), lock_state_dir(tmp_path, "control")
    with pytest.raises(OSError, match="another resolver uses"):
        lock_state_dir(tmp_path, "resolver")
    first.close()
    other.close()
    lock_state_dir(tmp_path, "resolver").close()


def test_what_others_could_read_is_closed_at_a_start_and_said(tmp_path: Path) -> None:
    said = io.StringIO()
    log.configure("control", said)
    for name in ("keys", "snapshots", "node", "feeds", "other"):
        (tmp_path / name / "below").mkdir(parents=True)
        (tmp_path / name / "below" / "file").touch()
    opened = [
        path for name in ("feeds", "node") for path in ((tmp_path / name), *(tmp_path / name).rglob("*"))
    ]
    for path in tmp_path.rglob("*"):
        path.chmod(0o600 if path.is_file() else 0o700)
    for path in (*opened, tmp_path, tmp_path / "other"):
        path.chmod(0o755)
    lock_state_dir(tmp_path, "control").close()
    close_state(*private_in(tmp_path))
    assert {stat.S_IMODE(path.stat().st_mode) for path in opened if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in opened if path.is_file()} == {0o600}
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "other").stat().st_mode) == 0o755, "it is none of ours"
    assert json.loads(said.getvalue())["count"] == len(opened)
    close_state(*private_in(tmp_path))
    assert said.getvalue().count("\n") == 1


def test_the_text_of_an_unforeseen_error_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    async def role() -> int:
        msg = "secret.example"
        raise RuntimeError(msg)

    log.configure("control", sys.stderr)
    assert run_role(role()) == 1
    written = capsys.readouterr().err
    assert "RuntimeError" in written
    assert "secret" not in written


def test_a_report_comes_back_as_it_was_sent() -> None:
    assert from_line(to_line(REPORT), 5.0) == REPORT


def test_a_report_with_lists_and_canaries_comes_back_as_it_was_sent() -> None:
    canary = CanaryResult("police", "police.canary.example", CanaryState.PASSED, "answered", 4.5, 3.5)
    feed = FeedInForce("adult", "category", "7", "d1", 12, 2.5)
    full = replace(
        REPORT, began_at=1.5, effective_digest="ef", effective_at=2.0, feeds=(feed,), canaries=(canary,)
    )
    assert from_line(to_line(full), 5.0) == full


def test_a_report_of_a_resolver_that_tells_no_lists_is_taken() -> None:
    """Control is upgraded and started first; the resolver of before still runs."""
    fields = json.loads(to_line(REPORT))
    for name in ("began_at", "effective_digest", "effective_at", "feeds", "canaries"):
        del fields[name]
    assert from_line(json.dumps(fields).encode(), 5.0) == REPORT


LABELLED = {"label": "=1+1", "kind": "category", "version": "7", "digest": "d1", "names": 1, "since": 2.5}


@pytest.mark.parametrize(
    "fault",
    [
        {"feeds": [{}]},
        {"feeds": 7},
        {"feeds": [LABELLED]},
        {"feeds": [{**LABELLED, "label": "a\nb"}]},
        {"feeds": [{**LABELLED, "label": "a" * 300}]},
        {"canaries": [{"state": "well"}]},
    ],
)
def test_a_report_whose_lists_are_none_is_refused(fault: dict[str, object]) -> None:
    line = json.dumps({**json.loads(to_line(REPORT)), **fault}).encode()
    with pytest.raises(ValueError):
        from_line(line, 0.0)


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"null", b"nonsense", b'{"name": 1, "lists": 2}'])
def test_what_is_no_report_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        from_line(line, 0.0)


async def test_reports_arrive_when_something_changed_and_after_control_was_away(tmp_path: Path) -> None:
    heard: asyncio.Queue[NodeReport] = asyncio.Queue()
    present = [REPORT]
    link = NodeReportListener(tmp_path / SOCKET, heard.put, lambda: 5.0)
    await link.start()
    now = 100.0
    state = ControlLink(lambda: now, lambda: 0.0)
    sender = asyncio.create_task(report_for_ever(tmp_path / SOCKET, lambda: present[0], state))
    assert await asyncio.wait_for(heard.get(), 5) == REPORT
    assert state.connected
    now += 2 * AWAY_SECONDS
    assert not state.lost
    present[0] = NodeReport("resolver-1", 5.0, 9, 9, "cd", True, {})
    assert (await asyncio.wait_for(heard.get(), 5)).mandatory_revision == 9
    await link.close()
    async with asyncio.timeout(5):
        while state.connected:
            await asyncio.sleep(0.01)
    assert not state.lost
    now += AWAY_SECONDS
    assert state.lost
    link = NodeReportListener(tmp_path / SOCKET, heard.put, lambda: 6.0)
    await link.start()
    assert (await asyncio.wait_for(heard.get(), 5)).seen_at == 6.0
    assert state.connected
    sender.cancel()
    await asyncio.gather(sender, return_exceptions=True)
    await link.close()


def test_pauses_grow_and_begin_anew_after_a_long_life() -> None:
    child = Child("resolver")
    pauses = [child.pause_after(0.0) for _ in range(8)]
    assert pauses[0] == FIRST_PAUSE
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    assert child.pause_after(1e9) == 0.0
    assert child.pause_after(0.0) == FIRST_PAUSE


async def test_a_role_that_cannot_be_started_for_a_moment_is_started_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No memory for a process must not leave the line without DNS for good."""
    asked: list[object] = []

    async def fails(*command: object, **options: object) -> NoReturn:
        asked.append(command)
        if len(asked) == 3:
            supervisor._stopping.set()
        raise BlockingIOError(11, "Resource temporarily unavailable")

    said = io.StringIO()
    log.configure("supervisor", said)
    supervisor = Supervisor(None, cast("Configuration", None), ["resolver"])  # no child is ever told them
    monkeypatch.setattr("asyncio.create_subprocess_exec", fails)
    monkeypatch.setattr(Child, "pause_after", lambda child, lived: 0.0)
    assert await asyncio.wait_for(supervisor.run(), 5) == 0
    assert len(asked) == 3
    assert said.getvalue().count("a role could not be started") == 3


def started_by(monkeypatch: pytest.MonkeyPatch, *scripts: str) -> list[str]:
    """Roles run these scripts instead, one start after the other, the last one again and again; the pauses
    are none. Collects the roles that were started."""
    roles: list[str] = []

    async def make(self: Supervisor, role: str, links: object) -> asyncio.subprocess.Process:
        script = (
            scripts[min(len(roles), len(scripts) - 1)] if role == "resolver" else "import sys; sys.exit(3)"
        )
        roles.append(role)
        return await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", "-c", script, stdin=asyncio.subprocess.PIPE
        )

    monkeypatch.setattr(Supervisor, "_make_process", make)
    monkeypatch.setattr(Supervisor, "_send_settings", lambda self, child: None)
    monkeypatch.setattr(Child, "pause_after", lambda child, lived: 0.0)
    monkeypatch.setattr("filterd.serve.supervisor.GIVE_UP_SECONDS", 0.0)
    return roles


CRASH = "import os; os.kill(os.getpid(), 9)"
CANNOT = "import sys; sys.exit(3)"
FAULT = "import sys; sys.exit(1)"
RESOLVER, BOTH = ["resolver"], ["control", "resolver"]


@pytest.mark.parametrize(
    ("roles", "scripts", "starts"),
    [
        (RESOLVER, [CANNOT], 1),
        (RESOLVER, [CRASH, CANNOT], GIVE_UP_STARTS),
        (RESOLVER, [FAULT], GIVE_UP_STARTS),
        (BOTH, [FAULT], GIVE_UP_STARTS),
    ],
)
async def test_a_fault_that_stays_ends_the_supervisor_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, roles: list[str], scripts: list[str], starts: int
) -> None:
    said = io.StringIO()
    log.configure("supervisor", said)
    started = started_by(monkeypatch, *scripts)
    assert await asyncio.wait_for(Supervisor(None, cast("Configuration", None), roles).run(), 30) == 1
    assert started.count("resolver") == starts
    last = [json.loads(line) for line in said.getvalue().splitlines()][-1]
    assert (last["event"], last["part"]) == ("a role cannot start, and filterd ends", "resolver")
    assert last["remedy"]


async def test_control_that_cannot_start_stops_no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.StringIO()
    log.configure("supervisor", said)
    started = started_by(monkeypatch, "input()")
    made = Supervisor(None, cast("Configuration", None), ["resolver", "control"])
    running = asyncio.create_task(made.run())
    async with asyncio.timeout(30):
        while started.count("control") < 2 * GIVE_UP_STARTS:
            await asyncio.sleep(0.01)
    assert started.count("resolver") == 1
    assert not running.done()
    made._stopping.set()
    assert await running == 0
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert {line["part"] for line in lines} == {"control"}
    remedy = lines[GIVE_UP_STARTS]["remedy"]
    assert "tried again by itself" in remedy
    assert "start filterd again" not in remedy


def test_a_fault_that_passes_is_not_taken_for_one_that_stays() -> None:
    child = Child("resolver")
    for number in range(3 * GIVE_UP_STARTS):
        child.note_end(number * GIVE_UP_SECONDS / (3 * GIVE_UP_STARTS), served=False)
    assert not child.hopeless(GIVE_UP_SECONDS - 0.1)
    assert child.hopeless(GIVE_UP_SECONDS)
    child.note_end(GIVE_UP_SECONDS, served=True)
    assert not child.hopeless(2 * GIVE_UP_SECONDS)
    child.note_end(9 * GIVE_UP_SECONDS, served=False)
    assert not child.hopeless(9 * GIVE_UP_SECONDS)


def test_lists_of_one_name_and_several_kinds_are_all_reported() -> None:
    entry = {"id": "chat", "version": "1", "digest": "d"}
    lists = [{**entry, "kind": "category"}, {**entry, "kind": "service", "version": "2"}]
    assert versions_of({"lists": lists}) == {"chat": "1 d", "service:chat": "2 d"}


def passed_on(said: io.StringIO) -> dict[str, str]:
    """The last line that the supervisor wrote of a reload."""
    found: dict[str, str] = json.loads(said.getvalue().splitlines()[-1])
    return found


NAMED = 'dns: {ecs_from: [192.0.2.128/26], upstreams: ["192.0.2.53"], block_ttl: 31}\nzone: Europe/Madrid\n'


@pytest.mark.parametrize("text", ["", "# all of it is gone\n", "null\n", "---\n", "{}\n"])
async def test_a_file_without_settings_changes_nothing_at_a_reload(tmp_path: Path, text: str) -> None:
    said = io.StringIO()
    log.configure("supervisor", said)
    file = tmp_path / "filterd.yaml"
    file.write_text(NAMED)
    found = load_configuration(file)
    made = Supervisor(file, found, ["resolver"])
    file.write_text(text)
    made.reload()
    assert made._found is found
    line = passed_on(said)
    assert (line["level"], line["event"]) == (
        "error",
        "new configuration refused, the old one stays in force",
    )
    assert "holds no settings: it was emptied or cut" in str(line["errors"])


async def test_a_reload_names_the_keys_that_the_file_has_lost(tmp_path: Path) -> None:
    said = io.StringIO()
    log.configure("supervisor", said)
    file = tmp_path / "filterd.yaml"
    file.write_text(NAMED)
    made = Supervisor(file, load_configuration(file), ["resolver"])
    file.write_text('dns: {upstreams: ["192.0.2.53"]}\n')
    made.reload()
    line = passed_on(said)
    assert line["level"] == "warning"
    assert line["reason"].endswith("are back at their defaults: dns.block_ttl, dns.ecs_from, zone")
    file.write_text('dns: {upstreams: ["192.0.2.53"], ecs_from: []}\nzone: Europe/Madrid\n')
    made.reload()
    assert passed_on(said)["level"] == "info"
    file.write_text('dns: {upstreams: ["192.0.2.53"], ecs_from: []}\n')
    made.reload()
    assert passed_on(said)["level"] == "info", "no line depends on it"
    assert passed_on(said)["reason"].endswith("defaults: zone")
    made.reload()
    assert passed_on(said).get("reason", "") == ""


async def test_a_reload_whose_country_breaks_the_policies_is_refused(tmp_path: Path) -> None:
    """An own profile has a category that only the country before has."""
    said = io.StringIO()
    log.configure("supervisor", said)
    policies = write_policies(tmp_path / "policies")
    country = (
        "{title: {es: P, en: P}, calendar: {zone: UTC, weekend: [sun]}, authorities: [], grounds: [], "
        "categories: [{id: sects, title: {es: S, en: S}, description: {es: S, en: S}}]}"
    )
    own = "{title: {es: P, en: P}, description: {es: P, en: P}, audience: {es: P, en: P}, categories: [%s]}"
    for name, text in (("jurisdictions/it.yaml", country), ("profiles/own.yaml", own % "sects")):
        (policies / name).parent.mkdir(exist_ok=True)
        (policies / name).write_text(text)
    file = tmp_path / "filterd.yaml"
    text = 'dns: {upstreams: ["192.0.2.53"]}\npolicies: policies\njurisdiction: '
    file.write_text(f"{text}it\n")
    found = load_configuration(file)
    made = Supervisor(file, found, ["control"])
    file.write_text(f"{text}mx\n")
    made.reload()
    assert made._found is found
    line = passed_on(said)
    assert (line["level"], line["event"]) == (
        "error",
        "new configuration refused, the old one stays in force",
    )
    assert line["errors"][0].startswith("jurisdiction: breaks the policies")
    assert "no category sects" in line["errors"][0]
    (policies / "profiles/own.yaml").write_text(own % "adlt")
    made.reload()
    assert made._found is not found, "they have errors without it too: the reload is not the cause"
    assert passed_on(said)["event"] == "new configuration passed on"
