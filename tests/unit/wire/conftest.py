"""Each test of the wire code runs on the native code and on its reference."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from filterd.wire import (
    codec,
    codec_reference,
    queries_reference,
    respond,
    respond_reference,
    upstream_answers_reference,
)

REFERENCE = SimpleNamespace(**(vars(codec_reference) | {"service": upstream_answers_reference.service}))
REFERENCE.parse = queries_reference.parse
REFERENCE.read = queries_reference.read
REFERENCE.strip = upstream_answers_reference.strip
REFERENCE.answer_lifetime = upstream_answers_reference.answer_lifetime


@pytest.fixture(params=["native", "reference"])
def wire(request: pytest.FixtureRequest) -> Any:
    """Reading (``wire.codec``) and answering (``wire.respond``)."""
    if request.param == "native":
        return SimpleNamespace(codec=codec, respond=respond)
    return SimpleNamespace(codec=REFERENCE, respond=respond_reference)
