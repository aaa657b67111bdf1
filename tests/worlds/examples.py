"""Profiles of hypothesis: ``commit`` tries the same examples in each run, ``night`` more of them and others.

``FILTERD_EXAMPLES`` in the environment names the profile; the default is ``commit``, with which a failure of
``make test`` is repeated by the next run. ``make night`` sets ``night``. Deadlines are off: the time of an
example depends on the load of the machine.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import settings

Case = TypeVar("Case")

COMMIT, NIGHT = "commit", "night"
VARIABLE = "FILTERD_EXAMPLES"
TIMES = 15
"""examples of a night for each of a commit"""


def profile() -> str:
    """The profile of this run. Raises :class:`ValueError` for a word that is none."""
    word = os.environ.get(VARIABLE) or COMMIT
    if word not in (COMMIT, NIGHT):
        message = f"{VARIABLE}={word}: set it to {COMMIT} or {NIGHT}"
        raise ValueError(message)
    return word


def examples(commit: int) -> int:
    """How many examples a property tries that ``make test`` gives so many."""
    return commit * (TIMES if profile() == NIGHT else 1)


def share(cases: Sequence[Case], of: int) -> list[Case]:
    """All cases at night; in a commit one of ``of``, in their order, drawn at random but always the same."""
    if profile() == NIGHT:
        return list(cases)
    chosen = random.Random(of).sample(range(len(cases)), -(-len(cases) // of))
    return [cases[place] for place in sorted(chosen)]


def load() -> None:
    """Register the profiles and load the one of this run."""
    settings.register_profile(COMMIT, deadline=None, derandomize=True, database=None, max_examples=40)
    # hypothesis's own profile for CI=true, which others inherit, derandomizes and keeps no database.
    settings.register_profile(NIGHT, deadline=None, derandomize=False, max_examples=40 * TIMES)
    settings.load_profile(profile())
