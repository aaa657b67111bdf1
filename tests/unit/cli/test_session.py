"""A session with the commands, each line once for people and once with ``--json``, on two like installations.

``tests/golden/commands`` holds a file for each command of filterd: its parameters and, if the session runs
it, its exit codes and the shape of its JSON documents. The clock stands still.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dns.message
import dns.rrset
import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from filterd.config.load import load
from filterd.config.schema_keys import Schema, keys
from filterd.model.mandatory import label_of
from filterd.model.records import OTHER_HISTORY, CanaryResult, CanaryState, FeedInForce, NodeReport
from filterd.operations import nodes
from filterd.operations.context import open_context
from tests.golden import shapes
from tests.unit.cli import test_top
from tests.unit.cli.conftest import DOCUMENTS
from tests.worlds.migrated import migrated

NOW = 1_800_000_000.0
TODAY = "2027-01-15T"
EPOCH = re.compile(r"\b1[78]\d{8}(?:\.\d+)?\b")
"""a time near NOW as a number"""
HEX = re.compile(r"\b[0-9a-f]{12,64}\b")
COMMANDS = dict(shapes.commands(main))

WORDS = {
    "evidence": "--who holder --text-version 2026-11 --reference ticket-7",
    "served": "--authority Court --official Judge --document 1/2026 --ground Art.1 --reason served",
    "called": "--authority Court --official Judge --document 2/2026 --ground Art.2 --reason called",
    "digest": "AB" * 32,
}
"""what stands in braces in the lines below, beside ``{dir}``"""

SESSION = """
store migrate
config check
config show
completion bash
feed show starter-adult
feed update
feed update nonsense  # exit 1
feed list
feed show starter-adult
feed diff starter-adult
feed retire starter-adult  # exit 2
feed retire nonsense --reason over  # exit 1
feed parse {dir}/wild --format wildcard
feed parse {dir}/hosts --format hosts
feed parse {dir}/none --format hosts  # exit 2
policies list
policies coverage --against {dir}/independent --list
profile list
profile show night
profile show nonsense  # exit 1
subscriber add two --prefix 2001:db8::/56 --prefix 192.0.2.2 --zone America/Tijuana
subscriber add one --prefix 10.0.2.1
subscriber add one  # exit 1
subscriber opt-in one --profile children  # exit 1
subscriber opt-in one --profile children {evidence}
subscriber opt-in two --profile children {evidence} --asked-at 2027-01-10T09:00:00-06:00 --channel phone
subscriber set-profile one teenagers
subscriber set-profile one nonsense  # exit 1
subscriber pause one --for 90m
subscriber pause one --for nonsense  # exit 2
subscriber show one
subscriber list --state paused --profile teenagers --text one
subscriber list --profile teenager  # exit 1
subscriber list --count
subscriber list --count --limit 1  # exit 2
subscriber find --address 10.0.2.1
subscriber find --address 203.0.113.1
subscriber find --address 10.0.2.0/24  # exit 1
subscriber resume one
subscriber set-zone one UTC
subscriber leave-security one
subscriber allow one a.test.example --scope exact
subscriber allow one c.test.example/page --until 2027-01-15T02:30 --scope exact  # exit 1
subscriber deny one b.test.example
subscriber deny one www.help.example  # exit 1
subscriber deny one https://www.c.test.example/page?q=1 --today
subscriber deny one d.test.example --for 45m --until 21:00  # exit 2
subscriber choose one --add category:games --take category:adult --add service:chat --add safe-search:strict
subscriber choose one --add category:gmaes --take tema:x --add service:chat --take service:chat  # exit 1
subscriber choose one
subscriber plan one --file {dir}/plan.yaml --holiday 2027-02-01 --holiday 2027-02-02
subscriber plan one --file {dir}/bad-plan.yaml --holiday 2027-13-01 --no-holiday 2027-02-03  # exit 1
subscriber plan one --file {dir}/plan.yaml --as-profile  # exit 2
subscriber close one --for 45m --category games
subscriber close one --until 21:00 --from 20:00 --everything
subscriber close one --until 21:00 --for 45m --everything  # exit 2
subscriber close one --for 45m --service caht  # exit 1
subscriber show one
subscriber open one
subscriber open one  # exit 1
subscriber plan one --as-profile
subscriber choose one --reset
subscriber remove one a.test.example
subscriber remove one a.test.example  # exit 1
subscriber list
consent show one
consent report
binding add 192.0.2.9 one
binding add 192.0.2.9 two  # exit 1
binding list
binding remove 192.0.2.9
order add a.test.example --name b.test.example {served} --scope exact --document-digest {digest}
order add a.test.example {called} --mode sinkhole --not-before 2027-02-01T00:00Z --not-after 2027-03-01T00:00Z
order add 192.0.2.80 {called} --accept-overblocking --review-at 2027-06-01T00:00:00+00:00
order add --file {dir}/names --confidential {called}
order add help.example {called}
order add a.test.example --authority Court  # exit 2
order add chat.test.example search.test.example github.io wikipedia.test.example {called}  # exit 2
order show O-5
order show O-9  # exit 1
order approve O-5  # exit 1
order lift O-3 --document 3/2026 --reason asked
order withdraw O-2 --reason lifted
order due
order list
order list --state quarantined
snapshot show  # exit 1
snapshot build
snapshot show
snapshot verify
check adult.test.example --subscriber one
check adult.test.example --client 10.0.2.9
check b.test.example --subscriber one
check a.test.example --subscriber one
check cloaked.test.example --subscriber one --answer {dir}/answer
check plain.test.example --subscriber one --client 10.0.2.1  # exit 2
check a..b  # exit 1
exception add adult.test.example --for 1d --reason mistake
exception list
exception end adult.test.example --reason over
parental suspend --for 1h --reason works
parental status
parental resume --reason over
token add switch --system --role provisioning
token list
token revoke switch --reason gone
hold add {served} --days 30 --subscriber two
hold list
duty request add --authority Court --document 9/2026 --asked names
duty request list
duty roster add ana --begins 2027-01-15T08:00:00Z --ends 2027-01-22T08:00:00Z
duty roster show
duty contact set court --kind authority --name Court --telephone +52-55
duty contact list
duty due
node resync --accept  # exit 1
node resync --replaced-by O-1  # exit 2
subscriber import {dir}/lines.csv {evidence}-of-the-file
subscriber import {dir}/bad.csv  # exit 1
subscriber export one
subscriber opt-out one --reason enough
subscriber erase one --reason asked
subscriber show one  # exit 1
cache flush  # exit 1
cache flush --subtree  # exit 2
audit tail --count 3
audit tail --of line:77  # exit 1
audit checkpoints
audit verify
top --once
"""
"""The command lines, in their order, each with its exit code where that is not 0."""

NODES = """
node list
node resync
node resync --end O-12 --reason over
node resync --end O-12 --reason over
"""

LISTS_ON_NODES = """
node show a
node show x  # exit 1
node history
node history --list worst-of
node history --at 2027-01-15T07:59:30Z --list adult-starter
node history --at yesterday  # exit 1
canary list
"""

NIGHT = """
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
"""
"""A profile that has everything."""

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

SHIPPED = {
    **{f"policies/{name}": text for name, text in DOCUMENTS.items()},
    "policies/feeds.yaml": """
- {id: starter-adult, source: lists/adult.txt, format: domains, category: adult}
- {id: worst-of, source: lists/adult.txt, format: domains,
   mandatory: {authority: interpol, ground: adopted-list, confidential: true}}
""",
    "policies/services.yaml": "[{id: chat, title: {es: Charla, en: Chat},"
    " names: {subtree: [chat.test.example]}}]",
    "policies/safesearch.yaml": "[{id: strict, engine: search, title: {es: Busca, en: Search},"
    " target: safe.test.example, names: {exact: [search.test.example]}}]",
    "policies/expected.yaml": "wikipedia.test.example: []",
    "policies/bypass.yaml": "[{id: doh, title: {es: DoH, en: DoH}, names: {subtree: [doh.test.example]}}]",
    "policies/profiles/night.yaml": NIGHT,
    "policies/lists/adult.txt": "adult.test.example\nbad..name\n",
    "wild": "good.test.example\nbad..name\n*.sub.test.example\n",
    "hosts": "0.0.0.0 one.test.example two.test.example # x\nlocalhost\n",
    "names": "# a list\nsecret.test.example # why\n\n",
    "lines.csv": "subscriber,prefixes,profile\nten,192.0.2.10,children\neleven,192.0.2.11,\n",
    "bad.csv": "subscriber,prefixes,profile\nx,nonsense,\ny,,children\nz,192.0.2.30,\n",
    "plan.yaml": PLAN,
    "bad-plan.yaml": BAD_PLAN,
    "independent/coverage.yaml": "[{area: categories, id: adult, file: adult.txt}]",
    "independent/adult.txt": "adult.test.example\nred.test.example\n",
}
"""the files of an installation, and those that the command lines name"""


@dataclass(frozen=True)
class Call:
    """A command line that was run in one form."""

    line: str
    """without ``--json``"""
    command: str
    as_json: bool
    expected: int
    exit_code: int
    stdout: str
    stderr: str
    error: BaseException | None
    """an exception that the command did not turn into a message"""

    def __str__(self) -> str:
        """The line as it was run."""
        return f"{self.line} --json" if self.as_json else self.line


def installed(folder: Path) -> Path:
    """Write the installation into a new folder, with its migrated store, and return the folder."""
    for name, text in SHIPPED.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "policies/jurisdictions").mkdir()
    message = dns.message.make_response(dns.message.make_query("cloaked.test.example", "A"))
    alias = dns.rrset.from_text("cloaked.test.example.", 60, "IN", "CNAME", "adult.test.example.")
    message.answer.append(alias)
    (folder / "answer").write_bytes(message.to_wire())
    url = f"sqlite:///{folder}/filterd.db"
    settings = {
        "store": {"url": url},
        "state_dir": "state",
        "policies": "policies",
        "orders": {"approvals": 1},
        "dns": {"upstreams": ["192.0.2.53"], "threads": 2},
        "canary": {"zone": "canary.example"},
    }
    (folder / "filterd.yaml").write_text(json.dumps(settings))
    asyncio.run(migrated(url, folder / "state/ledger"))
    return folder


def command_of(words: list[str]) -> str:
    """The command that a line begins with."""
    return next(name for name in (" ".join(words[:count]) for count in (1, 2, 3)) if name in COMMANDS)


def ran(folder: Path, line: str, *, as_json: bool) -> Call:
    """Run one line on the installation."""
    line, _, code = line.partition("  # exit ")
    words = line.format(dir=folder, **WORDS).split()
    command = command_of(words)
    if any("--config" in each.opts for each in COMMANDS[command].params):
        words += ["--config", str(folder / "filterd.yaml")]
    result = CliRunner().invoke(main, [*words, "--json"] if as_json else words)
    error = None if isinstance(result.exception, SystemExit) else result.exception
    return Call(line, command, as_json, int(code or 0), result.exit_code, result.stdout, result.stderr, error)


def both(base: Path, lines: str, prepare: Callable[[Path], None] = lambda folder: None) -> Iterator[Call]:
    """Run the lines in both forms, each form on an installation of its own."""
    for as_json in (False, True):
        folder = installed(base / ("json" if as_json else "text"))
        prepare(folder)
        for line in lines.strip().splitlines():
            yield ran(folder, line, as_json=as_json)


def reported(folder: Path, *reports: NodeReport) -> None:
    """Control of the installation has received these reports."""

    async def record() -> None:
        async with open_context(load(folder / "filterd.yaml")) as context:
            for report in reports:
                await nodes.record(context, report)

    asyncio.run(record())


def report_nodes(folder: Path) -> None:
    """Nodes that are ready, not ready, silent for up to the limit and longer, or of another history."""

    async def head() -> str:
        async with open_context(load(folder / "filterd.yaml")) as context:
            return (await context.store.head()).hash

    own = asyncio.run(head())
    missing = ("no policy snapshot", "the thread does not turn")
    ready = NodeReport("a", NOW, 0, 0, "ab" * 32, True, {"adult": "7 d1"}, own)
    other = replace(ready, name="e", ready=False, missing=(OTHER_HISTORY,), lag=61.25)
    reported(
        folder,
        ready,
        replace(ready, name="b", seen_at=NOW - 1, ready=False, missing=missing),
        replace(ready, name="c", seen_at=NOW - 60),
        replace(ready, name="d", seen_at=NOW - 61, ready=False, missing=missing),
        other,
        replace(other, name="f", missing=(), kept_orders=("O-12", "O-13")),
    )


def report_lists(folder: Path) -> None:
    """Nodes with lists that changed, and one with a canary."""
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
    newer = replace(adult, version="8", digest="d8" * 32, since=NOW - 10)
    reported(
        folder,
        report,
        replace(report, seen_at=NOW, feeds=(newer, worst)),
        replace(report, name="b", seen_at=NOW - 61, canaries=()),
    )


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """All lines in both forms. The clock stands, one person acts, and ``top`` reads figures of a test."""
    base = tmp_path_factory.mktemp("session")

    async def seen(observer: object, interval: float) -> object:
        return test_top.in_trouble()

    with pytest.MonkeyPatch.context() as patch:
        opened = open_context.__wrapped__  # type: ignore[attr-defined]  # what the decorator wraps
        patch.setattr(time, "time", lambda: NOW)
        patch.setitem(opened.__kwdefaults__, "clock", lambda: NOW)
        patch.setenv("SUDO_USER", "ana")
        patch.setattr("filterd.operations.context.is_account", lambda name: name == "ana")
        patch.setattr("filterd.cli.top._second_look", seen)
        return [
            *both(base / "session", SESSION),
            *both(base / "nodes", NODES, report_nodes),
            *both(base / "lists", LISTS_ON_NODES, report_lists),
        ]


def refuse(told: Iterator[str]) -> None:
    """Fail with all of these."""
    found = "\n".join(told)
    if found:
        pytest.fail(found, pytrace=False)


def test_each_line_ends_with_its_exit_code_in_both_forms(calls: list[Call]) -> None:
    refuse(
        f"{each}: exit code {each.exit_code}, not {each.expected}: {each.stderr}"
        for each in calls
        if each.exit_code != each.expected
    )


def test_no_line_ends_with_an_exception(calls: list[Call]) -> None:
    refuse(f"{each}: {each.error!r}" for each in calls if each.error is not None)
    refuse(f"{each}: {each.stderr}" for each in calls if "Traceback" in each.stdout + each.stderr)


def test_people_are_told_something_and_scripts_get_one_document(calls: list[Call]) -> None:
    refuse(str(each) for each in calls if not (each.stdout + each.stderr).strip())
    scripts = [each for each in calls if each.as_json]
    refuse(f"{each} printed no document" for each in scripts if each.exit_code == 0 and not each.stdout)
    for each in scripts:
        if each.stdout:
            json.loads(each.stdout)


def test_no_time_is_a_number(calls: list[Call]) -> None:
    """The clock shows 1,800,000,000: no number of the output is near it."""
    told = [(each, EPOCH.findall(HEX.sub("", each.stdout + each.stderr))) for each in calls]
    refuse(f"{each}: {times}" for each, times in told if times)
    for as_json in (False, True):
        assert sum(TODAY in each.stdout for each in calls if each.as_json is as_json) > 10


def command_files(calls: list[Call]) -> Mapping[str, str]:
    """The name of each command's golden file and its text."""
    seen: defaultdict[str, list[Call]] = defaultdict(list)
    for each in calls:
        seen[each.command].append(each)
    files = {}
    for name, command in COMMANDS.items():
        found: dict[str, Any] = {"parameters": shapes.parameters(command)}
        if name in seen:
            found["exit_codes"] = sorted({each.exit_code for each in seen[name]})
            documents = [json.loads(each.stdout) for each in seen[name] if each.as_json and each.stdout]
            if documents:
                found["output"] = shapes.shape(documents)
        files[f"{name.replace(' ', '-')}.json"] = shapes.text(found)
    return files


def test_commands_keep_their_shapes(
    calls: list[Call], golden_folder: Callable[[str, Mapping[str, str]], None]
) -> None:
    golden_folder("commands", command_files(calls))


def test_each_command_has_a_golden_file() -> None:
    folder = Path(shapes.__file__).parent / "commands"
    assert {path.stem for path in folder.iterdir()} == {name.replace(" ", "-") for name in COMMANDS}


def without_words(schema: Any) -> Any:
    """The schema of a key without texts for people, and without the keys below it, which have their own."""
    if isinstance(schema, dict):
        left_out = {"description", "title", "examples", "properties"}
        return {key: without_words(value) for key, value in schema.items() if key not in left_out}
    return [*map(without_words, schema)] if isinstance(schema, list) else schema


def test_the_schema_of_the_configuration_file(golden: Callable[[str, str], None]) -> None:
    """Every key with its type, default and bounds."""
    schema: Schema = json.loads(CliRunner().invoke(main, ["config", "schema"]).stdout)
    rows = [
        (name, {**without_words(item), "required": need}) for name, item, need in keys(schema, schema, "")
    ]
    golden("config-schema.json", shapes.lines(rows))
