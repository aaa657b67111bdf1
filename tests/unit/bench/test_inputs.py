"""What is asked: packets, mixes and lists are what their words say."""

from __future__ import annotations

from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import pytest
from bench.lists import make_names, mix
from bench.machine import CannotRunError
from bench.ours import add_lines, metric
from bench.packets import CLIENT_COOKIE, COOKIE, cookie_of, option, query, write_entries

from filterd.dataplane.nodestate.changes import ChangeLog
from filterd.store.store import Store


def test_a_query_is_one() -> None:
    message = dns.message.from_wire(query("www.name.example", option(COOKIE, CLIENT_COOKIE), 7))
    assert message.id == 7
    assert message.question[0].to_text() == "www.name.example. IN A"
    assert message.flags == dns.flags.RD
    assert [each.to_wire() for each in message.options] == [CLIENT_COOKIE]


def test_a_servers_cookie_is_found() -> None:
    answer = dns.message.make_response(dns.message.from_wire(query("name.example")))
    assert cookie_of(answer.to_wire()) is None
    whole = CLIENT_COOKIE + bytes(16)
    answer.use_edns(0, options=[dns.edns.GenericOption(dns.edns.OptionType.COOKIE, whole)])
    assert cookie_of(answer.to_wire()) == whole


def test_entries(tmp_path: Path) -> None:
    path = write_entries(tmp_path / "entries", [(b"abc", 1), (b"de", 2)])
    assert path.read_bytes() == b"\0\3\1abc\0\2\2de"


def test_a_mix_has_its_share() -> None:
    asked = mix(("popular.example",), ("blocked.example",), 10)
    assert asked.count("blocked.example") / len(asked) == pytest.approx(0.1, abs=0.01)
    assert set(mix(("popular.example",), ("blocked.example",), 100)) == {"blocked.example"}


def lists(folder: Path) -> Path:
    """A folder of lists as the bench wants it."""
    import lzma

    for category, names in (
        ("adult", "b.example\na.example\nBad.example\n"),
        ("zoo", "a.example\nc.example\n"),
    ):
        (folder / "domains" / category).mkdir(parents=True)
        (folder / "domains" / category / "source.txt").write_text(names)
    (folder / "popular").mkdir()
    with lzma.open(folder / "popular" / "cloudflare-top100k-tiers.tsv.xz", "wt") as file:
        file.write("1000\tgood.example\n1000\twww.a.example\n2000\tfine.example\n")
    return folder


async def test_a_node_follows_a_store_that_lines_were_written_into(tmp_path: Path) -> None:
    await Store.migrate(f"sqlite:///{tmp_path}/filterd.db", tmp_path / "ledger")
    add_lines(tmp_path / "filterd.db", [(1, "127.0.0.1/32", "all"), (7, "127.0.0.2/32", "all")])
    log = ChangeLog(tmp_path / "filterd.db")
    place = log.newest()
    assert place.revision == 1
    assert [each.choices.line for each in log.lines(0, place)[1]] == [1, 7]
    log.close()


def test_lists_are_sorted_and_filled_up(tmp_path: Path) -> None:
    names = make_names(lists(tmp_path / "lists"), tmp_path, 5, 10)
    assert names.blocked.read_text().splitlines() == [
        "a.example",
        "b.example",
        "c.example",
        "n000000000.fill.example",
        "n000000001.fill.example",
    ]
    assert names.popular == ("good.example", "fine.example")
    assert set(names.some_blocked) == set(names.blocked.read_text().splitlines())


def test_no_lists(tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match="no folder"):
        make_names(tmp_path / "absent", tmp_path, 5, 10)


def test_a_metric_is_summed_over_its_samples() -> None:
    text = 'filterd_a_total{thread="0"} 2.0\nfilterd_a_total{thread="1"} 3.0\nfilterd_a_created 9.0\n'
    assert metric(text, "filterd_a_total") == 5.0
    assert metric(text, "filterd_b_total") is None
