"""All cases, in the order of the table."""

from __future__ import annotations

from tests.compliance import (
    cookies,
    edns,
    headers,
    names,
    negatives,
    questions,
    special,
    tcp,
    truncation,
    types,
)
from tests.compliance.case import Case

CASES: tuple[Case, ...] = (
    *headers.CASES,
    *questions.CASES,
    *names.CASES,
    *edns.CASES,
    *cookies.CASES,
    *truncation.CASES,
    *types.CASES,
    *special.CASES,
    *negatives.CASES,
    *negatives.ALIASES,
    *negatives.ERRORS,
    *tcp.CASES,
)
