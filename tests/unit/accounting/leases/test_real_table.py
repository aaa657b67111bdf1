"""Random lease files into the table of sessions itself: an address is the line's that the file says, or
nobody's."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from filterd.accounting.leases.watched import WatchedFile
from filterd.accounting.leases.watcher import WatchedLeases, watch
from filterd.accounting.sessions import Sessions
from tests.unit.accounting.leases.samples import KEA4_HEAD, address
from tests.unit.accounting.leases.sessions import KEY, Heard, subscriber

NOW = 1_795_735_300.0
LIFETIME = 600
LINES = 3
ADDRESSES = 3


class Model:
    """The last word of a server on each address: its line and the end of its time."""

    def __init__(self, folder: Path, form: str) -> None:
        self.now = NOW
        self.form = form
        self.path = folder / "leases"
        self.leases: dict[int, tuple[int, float]] = {}
        """last byte of the address -> line and end"""
        self.table = Sessions(folder / "live", KEY, 1000, 7200, lambda: self.now)
        for line in range(1, LINES + 1):
            self.table.register(subscriber(mac(line)), line)
        self._tick = 0
        self.path.write_bytes(KEA4_HEAD if form == "kea" else b"")
        self.written()
        self.watch = self.start()

    def start(self) -> WatchedLeases:
        """A watch that knows nothing of before, as at control's start."""
        table = self.table

        class Sink:
            put = staticmethod(table.put)

            def held(self) -> list[tuple[bytes, int]]:
                return [(address(f"192.0.2.{each}"), 128) for each in range(ADDRESSES)]

        file = WatchedFile(self.form, self.path, "hw-address")
        return watch(file, Sink(), KEY, lambda: self.now, lambda _seconds: None)

    def say(self, last: int, line: int) -> None:
        """The server leases an address to a line; line 0: it is given back."""
        if line:
            self.leases[last] = (line, self.now // 1 + LIFETIME)
        else:
            self.leases.pop(last, None)
        if self.form == "kea":
            row = (last, mac(line or 1), LIFETIME if line else 0, int(self.now) + (LIFETIME if line else 0))
            with self.path.open("ab") as file:
                file.write(b"192.0.2.%d,%s,,%d,%d,1,0,0,,0,,0\n" % row)
        else:
            rows = [b"0 62:44:a1:49:14:ff 192.0.2.200 * *\n"]  # a file without leases ends nothing
            rows += [
                b"%d %s 192.0.2.%d * *\n" % (int(end), mac(of), at) for at, (of, end) in self.leases.items()
            ]
            self.path.write_bytes(b"".join(rows))
        self.written()

    def written(self) -> None:
        """The file was written now, a little later than ever before."""
        self._tick += 1000
        moment = int(self.now * 1_000_000_000) + self._tick
        os.utime(self.path, ns=(moment, moment))

    def check(self) -> None:
        """The table says of each address what the server says."""
        for last in range(ADDRESSES):
            line, end = self.leases.get(last, (0, 0.0))
            found = self.table.find(address(f"192.0.2.{last}"))
            assert (found.line if found else 0) == (line if end > self.now else 0)


def mac(line: int) -> bytes:
    """A line's hardware address."""
    return b"62:44:a1:49:14:f%d" % line


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(0, ADDRESSES - 1), st.integers(0, LINES)),
        st.tuples(st.just("wait"), st.sampled_from([0, 1, 300, LIFETIME + 1]), st.just(0)),
        st.tuples(st.just("look"), st.just(0), st.just(0)),
        st.tuples(st.just("restart"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


IN_ONE_SECOND = [("say", 1, 1), ("look", 0, 0), ("say", 1, 2), ("say", 1, 1)]
"""Seen: an address that goes to another line and back within a second was nobody's."""
WITH_RETURNS = [step for line in (1, 0, 2, 0, 1, 0, 3) for step in (("say", 1, line), ("look", 0, 0))]


@example("kea", IN_ONE_SECOND)
@example("dnsmasq", IN_ONE_SECOND)
@example("kea", WITH_RETURNS)
@given(st.sampled_from(["kea", "dnsmasq"]), STEPS)
def test_the_table_says_what_the_server_says(form: str, steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model, heard = Model(Path(folder), form), Heard()
        for word, one, two in steps:
            if word == "say":
                model.say(one, two)
            elif word == "wait":
                model.now += one
            else:
                if word == "restart":
                    model.watch.close()
                    model.watch = model.start()
                model.watch.look(heard)
                model.check()
        model.watch.look(heard)
        model.check()
        model.watch.close()
        model.table.close()
        assert heard.told == []
