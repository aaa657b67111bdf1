"""Every command once, as people and as scripts see it: ``tests/golden/session.txt`` holds what is printed.

The clock stands still. Digests, and paths of the test, are replaced.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dns.message
import dns.rrset
import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from filterd.config.load import load
from filterd.model.mandatory import label_of
from filterd.model.records import OTHER_HISTORY, CanaryResult, CanaryState, FeedInForce, NodeReport
from filterd.operations import nodes
from filterd.operations.context import open_context

NOW = 1_800_000_000.0
GOLDEN = Path(__file__).parents[2] / "golden"
HEX = re.compile(r"\b[0-9a-f]{12,64}\b")

EVIDENCE = "--who holder --text-version 2026-11 --reference ticket-7"
DEMAND = "--authority Court --official Judge --document 1/2026 --ground Art.1 --reason served"
CALLS = "--authority Court --official Judge --document 2/2026 --ground Art.2 --reason called"

LATER = f"{CALLS} --mode sinkhole --not-before 2027-02-01T00:00:00Z --not-after 2027-03-01T00:00:00Z"

SESSION = f"""
store migrate
config check
feed list
feed show starter-adult
feed update
feed update starter-adult
feed update nonsense
feed list
feed show starter-adult
feed retire starter-adult
feed retire starter-adult --reason over
feed retire nonsense --reason over
feed parse {{dir}}/wild --format wildcard
feed parse {{dir}}/wild --format wildcard --scope exact
feed parse {{dir}}/hosts --format hosts
feed parse {{dir}}/none --format hosts
profile list
profile show children
profile show teenagers
profile show night
profile show nonsense
subscriber list
subscriber add two --prefix 2001:db8::/56 --prefix 192.0.2.2 --zone America/Tijuana
subscriber add one --prefix 10.0.2.1
subscriber add one
subscriber opt-in one --profile children
subscriber opt-in one --profile nonsense {EVIDENCE}
subscriber opt-in one --profile children {EVIDENCE}
subscriber set-profile one teenagers
subscriber set-profile two teenagers
subscriber pause one --for 90m
subscriber pause one --for nonsense
subscriber show one
subscriber list --opted-in
subscriber list --not-opted-in
subscriber list --state paused --profile teenagers --text one
subscriber list --profile teenager
subscriber list --prefix 10.0.0.0/8 --limit 1
subscriber list --limit 1
subscriber list --after one
subscriber list --address 203.0.113.1
subscriber list --count
subscriber list --count --limit 1
subscriber find --address 10.0.2.1
subscriber find --address 10.0.2.9
subscriber find --address 203.0.113.1
subscriber find --address 10.0.2.0/24
subscriber show two
subscriber resume one
subscriber set-zone one UTC
subscriber set-zone one Nowhere/Town
subscriber leave-security one
subscriber leave-security one --return
subscriber allow one a.test.example --scope exact
subscriber deny one b.test.example
subscriber deny one www.help.example
subscriber deny one com.mx
subscriber deny one https://www.help.example/ayuda
subscriber deny one https://www.c.test.example/page?q=1 --today
subscriber deny one d.test.example --for 45m --until 21:00
subscriber allow one c.test.example/page --until 2027-01-15T02:30 --scope exact
subscriber remove one https://www.c.test.example/
policies list
policies list --kind way
subscriber choose one --add category:games --take category:adult --add service:chat --add safe-search:strict
subscriber choose one --add category:gmaes --take tema:x --add service:chat --take service:chat --add way:vpn
subscriber choose one --youtube strict
subscriber choose two --add category:games
subscriber choose one --as-profile service:chat --add way:doh
subscriber choose one --as-profile way:doh
subscriber choose one
subscriber plan one
subscriber plan one --file {{dir}}/plan.yaml --holiday 2027-02-01 --holiday 2027-02-02
subscriber plan one --file {{dir}}/bad-plan.yaml --holiday 2027-13-01 --no-holiday 2027-02-03
subscriber plan one --no-holiday 2027-02-01
subscriber plan one --file {{dir}}/plan.yaml --as-profile
subscriber close one --for 45m --category games
subscriber close one --until 21:00 --from 20:00 --everything
subscriber close one --until 21:00 --for 45m --everything
subscriber close one --for 8d --childrens
subscriber close one --for 45m
subscriber close one --for 45m --service caht
subscriber show one
subscriber open one
subscriber open one
subscriber set-profile one children
subscriber show one
subscriber plan one --as-profile
subscriber choose one --reset
subscriber open one --all
subscriber opt-in one --profile children {EVIDENCE} --asked-at 2027-01-15T09:00:00Z
subscriber remove one a.test.example
subscriber remove one a.test.example
subscriber list
binding list
binding add 192.0.2.9 one
binding add 192.0.2.9 two
binding add 192.0.2.9/24 two
binding remove 192.0.2.9
binding list
order list
order add a.test.example --name b.test.example {DEMAND} --scope exact
order add a.test.example {LATER}
order add 192.0.2.80 --received-at 2027-01-01T00:00:00Z {CALLS}
order add 192.0.2.80 {CALLS} --accept-overblocking --review-at 2027-06-01T00:00:00+00:00
order add --file {{dir}}/names --confidential {CALLS}
order add help.example {CALLS}
order add a.test.example --authority Court
order show O-1
order show O-5
order show O-9
order approve O-1
order approve O-5
order withdraw O-2 --reason lifted
order withdraw O-2 --reason again
order list
order list --state withdrawn
order list --state quarantined
order add chat.test.example search.test.example github.io wikipedia.test.example {CALLS}
order add 10.1.0.0/16 2001:db8::/32 {CALLS} --accept-overblocking
order add --file {{dir}}/services --confidential {CALLS} --accept-overblocking
order add 127.0.0.1 {CALLS} --accept-overblocking
order add id.server {CALLS}
order add somebody.onion {CALLS}
order add b.test.example --received-at 2027-01-15T09:00:00Z {CALLS}
order show O-6
order approve O-6
order withdraw O-6 --reason mistyped
snapshot show
snapshot build
snapshot show
snapshot verify
check adult.test.example
check adult.test.example --subscriber one
check adult.test.example --client 10.0.2.1
check adult.test.example --client 10.0.2.9
check b.test.example --subscriber one
check a.test.example --subscriber one
check cloaked.test.example --subscriber one --answer {{dir}}/answer
check plain.test.example --subscriber one --type AAAA
check plain.test.example --subscriber one --client 10.0.2.1
check a..b
node list
node resync
node resync --accept
node resync --end O-1 --reason lifted
node resync --end O-12 --reason lifted
node resync --end O-12 --replaced-by O-1 --reason lifted
node resync --replaced-by O-1
node resync --end O-12
node resync --reason lifted
node resync --accept --end O-12 --reason lifted
subscriber import {{dir}}/lines.csv {EVIDENCE}-of-the-file
subscriber import {{dir}}/bad.csv
subscriber export one
subscriber opt-out one --reason enough
subscriber erase one --reason asked
subscriber show one
cache flush
cache flush --subtree
audit tail --count 3
audit tail --of order:O-2
audit tail --of line:77
audit verify
"""
"""The command lines, in their order. Each that only reads is run again with ``--json``."""

NIGHT = {
    "services.yaml": "[{id: chat, title: {es: Charla, en: Chat}, names: {subtree: [chat.test.example]}}]",
    "safesearch.yaml": "[{id: strict, engine: search, title: {es: Busca, en: Search},"
    " target: safe.test.example, names: {exact: [search.test.example]}}]",
    "expected.yaml": "wikipedia.test.example: []",
    "bypass.yaml": "[{id: doh, title: {es: DoH, en: DoH}, names: {subtree: [doh.test.example]}}]",
    "profiles/night.yaml": """
title: {es: Noche, en: Night}
audience: {es: Casas, en: Homes}
description: {es: Sin juegos, en: No games}
categories: [games]
services: [chat]
safe_search: [strict]
bypass: [doh]
blocking_mode: nodata
schedule:
  - {days: [mon, sun], from: "15:05", until: "18:00", block: [games, adult]}
  - {days: [fri], from: "21:00", until: "06:30", block: everything}
""",
}
"""A profile that has everything."""

READS = {
    *(("config", "check"), ("check",), ("node", "list"), ("store", "migrate"), ("binding", "list")),
    *(("feed", "list"), ("feed", "show"), ("feed", "parse"), ("profile", "list"), ("profile", "show")),
    *(
        ("subscriber", "list"),
        ("subscriber", "show"),
        ("subscriber", "find"),
        ("subscriber", "choose"),
        ("subscriber", "plan"),
        ("policies", "list"),
        ("order", "list"),
        ("order", "show"),
    ),
    *(("snapshot", "show"), ("snapshot", "verify"), ("audit", "tail"), ("audit", "verify")),
}

PLAN = """
schedule:
  - {days: [sun, mon], from: "21:00", until: "06:00", block: {childrens: true, services: [chat]}}
  - {days: [sat], from: "14:00", until: "16:00", block: everything}
  - {days: daily, from: "01:00", until: "24:00", block: {everything: true}, leaves: []}
"""
BAD_PLAN = """
schedule:
  - {days: [sun, moon], from: 21, until: "06:00", block: {categories: [gmaes]}}
  - {days: daily, from: "21:00", until: "21:00", block: {everything: true, childrens: true}, leaves: [bnks]}
  - {days: daily, from: "21:00", until: "22:00", block: {}}
evening: true
"""

WRITES = f"""
feed update
subscriber add three --prefix 198.51.100.3
subscriber opt-in three --profile children {EVIDENCE} --asked-at 2027-01-10T09:00:00-06:00 --channel phone
subscriber set-profile three teenagers
subscriber pause three --for 30m
subscriber resume three
subscriber set-zone three UTC
subscriber leave-security three
subscriber allow three a.test.example
subscriber deny three b.test.example --scope exact
subscriber remove three a.test.example
subscriber deny three https://c.test.example/page --for 2h
subscriber choose three --add category:games
subscriber close three --for 45m --category games
subscriber close three --until 2027-01-16T21:00 --from 2027-01-16T20:00 --everything
subscriber list
subscriber open three --all
subscriber opt-out three
binding add 192.0.2.9 three
binding remove 192.0.2.9
order add z.test.example {DEMAND} --document-digest {"AB" * 32}
order withdraw O-1 --reason lifted
snapshot build
subscriber import {{dir}}/lines.csv {EVIDENCE}-of-the-file
subscriber export three
subscriber erase three --reason asked
audit verify
"""
"""What these change is printed as JSON alone."""


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands, and one person acts."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    opened = open_context.__wrapped__  # type: ignore[attr-defined]  # what the decorator wraps
    monkeypatch.setitem(opened.__kwdefaults__, "clock", lambda: NOW)
    monkeypatch.setenv("SUDO_USER", "ana")
    monkeypatch.setattr("filterd.operations.context.is_account", lambda name: name == "ana")


@pytest.fixture
def folder(installation: Path) -> Path:
    """The installation's folder, with what the command lines name."""
    base = installation.parent
    (base / "wild").write_text("good.test.example\nbad..name\n*.sub.test.example\n")
    (base / "hosts").write_text("0.0.0.0 one.test.example two.test.example # x\nlocalhost\n")
    (base / "names").write_text("# a list\nsecret.test.example # why\n\n")
    (base / "services").write_text("chat.test.example\n10.2.0.0/16\n")
    (base / "lines.csv").write_text(
        "subscriber,prefixes,profile\nten,192.0.2.10,children\neleven,192.0.2.11,\n"
    )
    (base / "bad.csv").write_text("subscriber,prefixes,profile\nx,nonsense,\ny,,children\nz,192.0.2.30,\n")
    (base / "plan.yaml").write_text(PLAN)
    (base / "bad-plan.yaml").write_text(BAD_PLAN)
    (base / "policies/lists/adult.txt").write_text("adult.test.example\nbad..name\n")
    for name, text in NIGHT.items():
        (base / "policies" / name).write_text(text)
    message = dns.message.make_response(dns.message.make_query("cloaked.test.example", "A"))
    alias = dns.rrset.from_text("cloaked.test.example.", 60, "IN", "CNAME", "adult.test.example.")
    message.answer.append(alias)
    (base / "answer").write_bytes(message.to_wire())
    return base


def transcript(folder: Path, lines: str, extra: tuple[str, ...]) -> Iterator[str]:
    """The output of each command line, and its exit code where that is not 0."""
    for line in lines.strip().splitlines():
        words = line.replace("{dir}", str(folder)).split()
        result = CliRunner().invoke(main, [*words, *extra, "--config", str(folder / "filterd.yaml")])
        yield f"$ filterd {' '.join([line.replace('{dir}', 'DIR'), *extra])}\n"
        yield clean(result.stdout, folder)
        yield "".join(f"! {each}\n" for each in clean(result.stderr, folder).splitlines())
        if result.exit_code:
            yield f"exit code {result.exit_code}\n"
        yield "\n"


def clean(text: str, folder: Path) -> str:
    """The text without what is different each time."""
    return HEX.sub(lambda found: "#" * len(found[0]), text.replace(str(folder), "DIR"))


def test_every_command_for_people_and_for_scripts(folder: Path, golden: Callable[[str, str], None]) -> None:
    said: list[str] = []
    for line in SESSION.strip().splitlines():
        said += transcript(folder, line, ())
        words = tuple(line.split())
        if words[:2] in READS or words[:1] in READS:
            said += transcript(folder, line, ("--json",))
    golden("session.txt", "".join(said))


def test_no_time_is_a_number() -> None:
    """The clock of these tests shows 1,800,000,000: no number of the transcripts is near it."""
    for name in ("session.txt", "session-json.txt", "nodes--json.txt"):
        text = (GOLDEN / name).read_text(encoding="utf-8")
        assert re.findall(r"\b1[78]\d{8}(?:\.\d+)?\b", text) == []
        assert '"2027-01-15T' in text


def test_every_change_for_scripts(folder: Path, golden: Callable[[str, str], None]) -> None:
    golden("session-json.txt", "".join(transcript(folder, WRITES, ("--json",))))


@pytest.mark.parametrize("kind", ["", "--json"])
def test_settings_for_people_and_for_scripts(
    folder: Path, golden: Callable[[str, str], None], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    config = folder / "filterd.yaml"
    config.write_text(
        '{"store": {"url": "sqlite:////v/f.db"}, "state_dir": "/s", "policies": "policies",'
        ' "node": {"name": "node-1"},'
        ' "dns": {"upstreams": ["192.0.2.53"], "threads": 2, "listen": ["127.0.0.1:53"]}}'
    )
    extra = (kind,) if kind else ()
    golden(f"settings{kind}.txt", "".join(transcript(folder, "config show", extra)))


def test_the_schema_of_the_configuration_file(folder: Path, golden: Callable[[str, str], None]) -> None:
    """Every key with its default, its bounds and its text."""
    golden("schema.txt", "".join(transcript(folder, "config schema", ())))


CONFIDENTIAL = (
    "{id: worst-of, source: lists/adult.txt, format: domains,"
    " mandatory: {authority: interpol, ground: adopted-list, confidential: true}}"
)


@pytest.mark.parametrize("kind", ["", "--json"])
def test_lists_on_nodes_for_people_and_for_scripts(
    folder: Path, golden: Callable[[str, str], None], kind: str
) -> None:
    """The lists of a node now and at a time, and the canaries; an unknown node, and a time that is none."""
    config = folder / "filterd.yaml"
    settings = {**json.loads(config.read_text()), "canary": {"zone": "canary.example"}}
    config.write_text(json.dumps(settings))
    feeds = folder / "policies/feeds.yaml"
    feeds.write_text(f"{feeds.read_text().rstrip().removesuffix(']')}, {CONFIDENTIAL}]")
    label = label_of("worst-of", confidential=True)
    adult = FeedInForce("adult-starter", "category", "7", "d7" * 32, 3, NOW - 600)
    worst = FeedInForce(label, "mandatory", "2", "d2" * 32, 1, NOW - 600)
    canary = CanaryResult(
        label,
        f"{label}.canary.example",
        CanaryState.PASSED,
        "127.0.0.1:53: answered without extended error 16",
        NOW - 30,
        NOW - 90,
    )

    async def tell() -> None:
        async with open_context(load(config)) as context:
            report = NodeReport(
                "a",
                NOW - 50,
                0,
                0,
                "",
                True,
                {},
                began_at=NOW - 700,
                effective_digest="e1" * 32,
                effective_at=NOW - 600,
                feeds=(adult, worst),
                canaries=(canary,),
            )
            await nodes.record(context, report)
            newer = replace(adult, version="8", digest="d8" * 32, since=NOW - 10)
            await nodes.record(context, replace(report, seen_at=NOW, feeds=(newer, worst)))
            await nodes.record(context, replace(report, name="b", seen_at=NOW - 61, canaries=()))

    asyncio.run(tell())
    extra = (kind,) if kind else ()
    lines = (
        "node show a\nnode show x\nnode history\nnode history --node b\nnode history --list worst-of\n"
        "node history --at 2027-01-15T07:59:30Z --list adult-starter\nnode history --at yesterday\n"
        "node history --node x\ncanary list"
    )
    golden(f"lists_on_nodes{kind}.txt", "".join(transcript(folder, lines, extra)))


@pytest.mark.parametrize("kind", ["", "--json"])
def test_nodes_for_people_and_for_scripts(
    folder: Path, golden: Callable[[str, str], None], kind: str
) -> None:
    """Ready, not ready, and silent for longer than the limit or just not."""
    settings = load(folder / "filterd.yaml")

    async def tell() -> None:
        async with open_context(settings) as context:
            head = await context.store.head()
            for name, ready, ago in (
                ("a", True, 0.0),
                ("b", False, 1.0),
                ("c", True, 60.0),
                ("d", False, 61.0),
            ):
                missing = () if ready else ("no policy snapshot", "the thread does not turn")
                report = NodeReport(
                    name, NOW - ago, 0, 0, "ab" * 32, ready, {"adult": "7 d1"}, head.hash, missing=missing
                )
                await nodes.record(context, report)
            other = replace(report, name="e", seen_at=NOW, missing=(OTHER_HISTORY,), lag=61.25)
            await nodes.record(context, other)
            await nodes.record(context, replace(other, name="f", missing=(), kept_orders=("O-12", "O-13")))

    asyncio.run(tell())
    extra = (kind,) if kind else ()
    lines = (
        "node list\nnode resync\nnode resync --end O-12 --reason over\nnode resync --end O-12 --reason over"
    )
    golden(f"nodes{kind}.txt", "".join(transcript(folder, lines, extra)))
