"""Asks the store what is in force, for a command that reads files and can do without."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from filterd.config.settings import Settings
    from filterd.operations.context import Context
    from filterd.operations.filling import Unfilled
    from filterd.policy.documents import Policies

T = TypeVar("T")


def ask(settings: Settings, use_case: Callable[[Context], Awaitable[T]]) -> tuple[T | None, str]:
    """The result of a use case, or None and the reason why the store could not be asked: empty where there is
    no store yet, since nothing is in force then."""
    import asyncio  # here, since it is slow to import

    from filterd.operations.context import OperationError, open_context
    from filterd.store.errors import StoreMissingError

    async def find() -> T:
        async with open_context(settings) as context:
            return await use_case(context)

    try:
        return asyncio.run(find()), ""
    except OperationError as error:
        return None, "" if isinstance(error.__cause__, StoreMissingError) else str(error)


def unfilled(settings: Settings, documents: Policies, wanted: Iterable[str]) -> tuple[Unfilled, str]:
    """The categories of which nothing is in force; by the files alone, with the reason, where the store does
    not tell."""
    from filterd.operations import filling

    found, unread = ask(settings, lambda context: filling.unfilled(context, documents, wanted))
    return (filling.Unfilled(documents.empty_categories(wanted)) if found is None else found), unread
