"""The register of the year, in the form of Poland's: it tells no removals, since absence means unblock."""

from __future__ import annotations

from xml.sax.saxutils import escape

from filterd.config.settings import Settings
from filterd.operations.registers import adopting, list_files, showing
from tests.worlds.year.clock import BEGINS, written
from tests.worlds.year.diary import Act, Diary, Entry, at, require
from tests.worlds.year.shelf import FEED, REGISTER, numbered

FIRST = tuple(numbered("padron", 1, 40))
SECOND = tuple(numbered("padron", 5, 46))
CUT = SECOND[:3]
LAST = SECOND[2:]
IN_FORCE = (FIRST, SECOND, LAST)
"""the one that was cut never was"""
ENTRY = """
- id: {feed}
  source: {source}
  format: domains
  scope: subtree
  mandatory: {{authority: sat, ground: liva-18h}}
  guard: {{max_shrink: 1.0, max_grow: 1000, max_exchange: 1}}
"""


def document(names: tuple[str, ...]) -> bytes:
    """The register with these entries, as its server gives it."""
    since = written(BEGINS).replace(" ", "T") + ":00"
    rows = "".join(
        f'<PozycjaRejestru Lp="{number}"><AdresDomeny>{escape(name)}</AdresDomeny>'
        f"<DataWpisu>{since}</DataWpisu></PozycjaRejestru>\n"
        for number, name in enumerate(names, start=1)
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Rejestr>\n{rows}</Rejestr>\n'.encode()


async def adopted(diary: Diary) -> None:
    """Two people adopt it, and its list becomes a mandatory feed."""
    settings = diary.provider.settings
    for person in ("ana", "beto"):
        await adopting.adopt(diary.by(person), REGISTER, reason="the tax office's letter 500-05-2027-0009")
    feeds = settings.policies / "feeds.yaml"
    feeds.write_text(feeds.read_text("utf-8") + entry_of(settings), "utf-8")
    diary.tell(f"ana and beto adopt the register {REGISTER}, in which absence means unblock")


def entry_of(settings: Settings) -> str:
    """The entry of its list in feeds.yaml."""
    return ENTRY.format(feed=FEED, source=list_files.list_file(settings, REGISTER))


def given(names: tuple[str, ...], *, blocked: str = "", opened: str = "", held: bool = False) -> Act:
    """The server gives the register with these entries, and control pulls it. ``blocked``, ``opened``: names
    that are asked for over DNS afterwards."""

    async def act(diary: Diary) -> None:
        provider = diary.provider
        (provider.base / "padron.xml").write_bytes(document(names))
        await provider.read_lists()
        status = await showing.show(provider.context, REGISTER)
        require(bool(status.held) is held, f"the register is {status.problem or 'not held'}")
        seen = [await diary.answers(blocked, blocked=True)] if blocked else []
        seen += [await diary.answers(opened, blocked=False)] if opened else []
        diary.count("registers held" if held else "registers taken")
        news = f"is held ({status.problem}): nothing is unblocked" if held else "is in force"
        diary.tell(f"the register comes with {len(names)} entries, and {news}; {'; '.join(seen)}")

    return act


ENTRIES: tuple[Entry, ...] = (
    at(2, 22, 9, 0, adopted, quiet=True),
    at(2, 22, 10, 0, given(FIRST, blocked=FIRST[0])),
    at(5, 24, 10, 0, given(SECOND, blocked=SECOND[-1], opened=FIRST[0])),
    at(8, 16, 4, 0, given(CUT, blocked=SECOND[-1], held=True)),
    at(8, 16, 9, 0, given(SECOND, blocked=SECOND[-1])),
    at(11, 22, 10, 0, given(LAST, blocked=LAST[0], opened=SECOND[0])),
)
