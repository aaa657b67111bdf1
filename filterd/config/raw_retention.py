"""The schema of the section ``retention`` of the configuration file."""

from __future__ import annotations

from filterd.config.raw_types import Duration, Section, key

DAY = 86_400


class RawRetention(Section):
    """How long data is kept. What is past its term is deleted each day (`filterd retention show`)."""

    consent: Duration = key(
        "1825d",
        "Evidence of a request, from the end of the consent that rests on it.",
        ge=365 * DAY,
        le=3650 * DAY,
    )
    changes: Duration = key(
        "30d",
        "Changes in the log that nodes follow; a node that was away for longer reads the full state.",
        ge=DAY,
        le=90 * DAY,
    )
    arco: Duration = key("1825d", "ARCO requests, from their closing.", ge=365 * DAY, le=3650 * DAY)
    reviews: Duration = key(
        "180d",
        "What people wrote who asked that a site be looked at again, and their folios, from the decision.",
        ge=30 * DAY,
        le=365 * DAY,
    )
    review_outcomes: Duration = key(
        "1095d",
        "Decisions on such requests, which the statistics count, from the decision; no asker is in them.",
        ge=366 * DAY,
        le=3650 * DAY,
    )
    tokens: Duration = key(
        "365d", "Tokens of the API that hold no longer, from that day on.", ge=DAY, le=1825 * DAY
    )
    backups: Duration = key(
        "35d",
        "Backups where `filterd backup` put them; the newest stays until there is a newer one.",
        ge=DAY,
        le=366 * DAY,
    )
    aside: Duration = key(
        "30d", "Files that were set aside (`NAME.damaged-N`, `NAME.other-N`).", ge=DAY, le=90 * DAY
    )
