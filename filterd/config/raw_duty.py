"""The schema of the section ``duty`` of the configuration file."""

from __future__ import annotations

from filterd.config.raw_types import Duration, Section, key

DAY = 86_400


class RawDuty(Section):
    """The duty desk (`/desk/orders`, `filterd duty`)."""

    answer_within: Duration = key(
        "24h",
        "How long a request of an authority may wait until an order is made of it or it has another outcome, "
        "where whoever notes it says nothing else (LMTR 183-III: 24 h).",
        ge=600,
        le=30 * DAY,
    )
    roster_ahead: Duration = key("7d", "How far ahead gaps of the roster are told.", ge=DAY, le=60 * DAY)
