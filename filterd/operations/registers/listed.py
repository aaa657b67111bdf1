"""Obtains a list whose address moves: the page, then the control file, then the list it is of.

All three belong to one reading of the page. Where the authority updates them between two requests, the page
is read once more; what does not fit then is refused, and the list of before stays in force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from filterd.feed.registers.control_file import ControlFileError, read_control, require_sound
from filterd.feed.registers.list_page import ListPageError, Marks, named_files
from filterd.fetch.failures import FetchError, FetchFailure

READINGS = 2
"""of the page, before it is given up"""

Get = Callable[[str], Awaitable[bytes]]
"""the content at an address, bounded; raises FetchError"""


class ListedError(Exception):
    """No list that its control file vouches for; the message says why, and what stays."""


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A list as its control file has it."""

    content: bytes
    address: str
    digest: str
    """as the control file gives it"""


async def obtain(get: Get, page: str, marks: Marks) -> ListedFile:
    """The list that a page names now. Raises FetchError and ListedError."""
    reading = 1
    while True:
        try:
            return await _once(get, page, marks)
        except FetchError as error:
            if error.failure is not FetchFailure.GONE or reading == READINGS:
                raise
        except (ControlFileError, ListPageError) as error:
            if reading == READINGS:
                message = f"{error}: it was refused, and the list of before stays; ask the authority"
                raise ListedError(message) from None
        reading += 1


async def _once(get: Get, page: str, marks: Marks) -> ListedFile:
    named = await asyncio.to_thread(named_files, await get(page), page, marks)
    control = read_control(await get(named.control_address), named.list_address)
    content = await get(named.list_address)
    await asyncio.to_thread(require_sound, content, control)
    return ListedFile(content, named.list_address, control.digest)
