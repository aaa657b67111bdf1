"""The settings of how long data is kept."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.config.value_types import Seconds


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """The term of each class of data that has one; see ``operations/privacy/classes.toml``."""

    consent: Seconds
    changes: Seconds
    arco: Seconds
    reviews: Seconds
    review_outcomes: Seconds
    tokens: Seconds
    backups: Seconds
    aside: Seconds
