"""The catalogue: all that a line can choose beside its profile, for those who offer it to holders."""

from __future__ import annotations

from typing import Any

from filterd.operations.context import Context
from filterd.operations.filling import empty_categories
from filterd.operations.plain_values import plain
from filterd.operations.policies import policies


async def catalogue(context: Context) -> dict[str, list[dict[str, Any]]]:
    """Categories, services with their groups, safe search and ways around: id, ``choice`` as
    ``subscriber choose`` takes it, and title. ``empty``: no list in force fills the category, so that closing
    it closes nothing."""
    documents = policies(context)
    empty = set(await empty_categories(context, [each.id for each in documents.categories]))
    return {
        "categories": [
            {
                "id": each.id,
                "choice": f"category:{each.id}",
                "title": plain(each.title),
                "description": plain(each.description),
                "empty": each.id in empty,
            }
            for each in documents.categories
        ],
        "services": [
            {"id": each.id, "choice": f"service:{each.id}", "title": plain(each.title), "group": each.group}
            for each in documents.services
        ],
        "service_groups": [{"id": each.id, "title": plain(each.title)} for each in documents.service_groups],
        "safe_search": [
            {
                "id": each.id,
                "choice": f"safe-search:{each.id}",
                "title": plain(each.title),
                "engine": each.engine,
            }
            for each in documents.safe_search
        ],
        "ways": [
            {
                "id": each.id,
                "choice": f"way:{each.id}",
                "title": plain(each.title),
                "level": each.level.value,
            }
            for each in documents.bypass
        ],
    }
