"""The login at a platform that a process remembers: apart from the client, which only a visit loads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class LoginTokens(Protocol):
    """The tokens of a login."""

    @property
    def access(self) -> str: ...  # noqa: D102 - as its class says
    @property
    def refresh(self) -> str: ...  # noqa: D102 - as its class says


@dataclass(slots=True)
class KnownLogin:
    """The login of a process, from one visit to the next. It is never written anywhere."""

    tokens: LoginTokens | None = field(default=None, repr=False)
