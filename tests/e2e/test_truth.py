"""Nothing that store or clock do by themselves lifts an order: DNS is asked all the while."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from tests.e2e.authority import nsd
from tests.e2e.conftest import WORLD, adult_names, policies_with_mandatory
from tests.e2e.deployment import ROOT, Deployment, ede, soon
from tests.e2e.names import BANNED

pytestmark = [pytest.mark.ring("night"), pytest.mark.system("nsd")]

CENSORED = 16
DAY = 86400
CLOCK = """import pathlib, time
_real = time.time
_ahead = pathlib.Path({path!r})

def _time():
    try:
        return _real() + float(_ahead.read_text())
    except (OSError, ValueError):
        return _real()

time.time = _time
"""


class Site:
    """An installation whose processes have a clock that the test sets."""

    def __init__(self, filterd: Deployment, clock: Path) -> None:
        self.filterd = filterd
        self._clock = clock

    def set_clock(self, ahead: float) -> None:
        """Let the clock of both processes be so many seconds ahead."""
        draft = self._clock.with_suffix(".draft")
        draft.write_text(str(ahead))
        draft.rename(self._clock)

    def blocked(self, name: str) -> bool:
        """True if an order or mandatory list blocks the name: EDE 16, and no address."""
        answer = self.filterd.ask(name)
        return ede(answer) == [CENSORED] and not answer.answer

    def snapshots(self) -> int:
        """How many snapshots control has built."""
        return self.filterd.log_whole().count("snapshot built")

    def ask_for_a_compile(self, number: int) -> None:
        """Change a list, so that control has something new to compile."""
        (self.filterd.policies / "lists" / "adopted.txt").write_text(f"{BANNED}\nnew-{number}.example\n")


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    site_packages, clock = folder / "site", folder / "clock"
    site_packages.mkdir()
    (site_packages / "sitecustomize.py").write_text(CLOCK.format(path=str(clock)))
    with nsd(folder / "authority", {".": WORLD.format(adult=adult_names()[0])}) as upstream:
        filterd = Deployment(folder / "filterd", upstream, policies_with_mandatory(folder))
        filterd.environment["PYTHONPATH"] = f"{site_packages}:{ROOT}"
        filterd.cli("store", "migrate")
        filterd.cli("feed", "update")
        filterd.order("lasting.example")
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60 * DAY))
        filterd.order("ending.example", more=["--not-after", end])
        filterd.cli("snapshot", "build")
        with filterd.serving():
            yield Site(filterd, clock)


def test_a_compile_by_a_clock_a_year_ahead_takes_nothing_away(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        assert site.blocked("ending.example") and site.blocked("lasting.example")
        built = site.snapshots()
        site.set_clock(366 * DAY)
        site.ask_for_a_compile(1)
        assert soon(lambda: site.snapshots() > built and site.blocked("new-1.example")), site.filterd.log()
        assert site.blocked("lasting.example") and site.blocked(BANNED)
        assert soon(lambda: not site.blocked("ending.example")), "it ended, as that clock says"
        built = site.snapshots()
        site.set_clock(0)
        assert soon(lambda: site.blocked("ending.example"), "clock set right, to the order's return")
        assert soon(lambda: site.snapshots() > built), "made anew by a clock that is right"
        (ending,) = [each for each in site.filterd.cli("order", "list") if each["reference"] == "O-2"]
        assert ending["in_force"]
        made = site.filterd.cli("snapshot", "show")["record"]["built_at"]
        assert abs(datetime.fromisoformat(made).timestamp() - time.time()) < DAY
        assert soon(lambda: site.blocked("ending.example"))
        assert site.blocked("lasting.example")


def test_rows_that_were_changed_by_hand_lift_nothing_and_everybody_says_so(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        filterd = site.filterd
        with closing(sqlite3.connect(f"{filterd.state}/filterd.db", timeout=30)) as raw:
            raw.execute("UPDATE orders SET state = 'withdrawn' WHERE number = 1")
            raw.execute("UPDATE order_name SET name = 'endind.example' WHERE order_number = 2")
            raw.commit()
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        site.ask_for_a_compile(1)
        assert soon(lambda: "compile failed" in filterd.log_whole()), filterd.log()
        assert soon(lambda: filterd.http(filterd.control, "/readyz")[0] == 503, seconds=40)
        figure = "filterd_store_rows_damaged 2.0"
        assert soon(lambda: figure in filterd.http(filterd.control, "/metrics")[1])
        for name in ("lasting.example", "ending.example", BANNED):
            assert site.blocked(name), name
            told = filterd.cli("check", name)
            assert (told["verdict"], told["damaged"]) == ("block", ["O-1", "O-2"])
        assert {each["damage"] != "" for each in filterd.cli("order", "list")} == {True}
        done = filterd.run("audit", "verify")
        assert done.returncode == 1
        assert "order:O-1" in done.stdout and "order:O-2" in done.stdout
        assert "filterd order withdraw O-1 --damaged" in done.stdout
        for number, name in ((1, "lasting.example"), (2, "ending.example")):
            filterd.order(name)
            filterd.cli("order", "withdraw", f"O-{number}", "--damaged", "--reason", "taken in anew")
        assert soon(lambda: filterd.http(filterd.control, "/readyz")[0] == 200, seconds=40)
        assert soon(lambda: site.blocked("new-1.example"), seconds=60)
        assert site.blocked("lasting.example") and site.blocked("ending.example")
        assert filterd.cli("audit", "verify")["rows"] == []
