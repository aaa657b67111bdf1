"""A room for people with an account: its paths, its cookie, and whose work is there."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.model.token import TokenRole


@dataclass(frozen=True, slots=True)
class Room:
    """One such room. ``name`` is the first part of its paths, and the folder of its templates."""

    name: str
    roles: tuple[TokenRole, ...]
    """whose work is here; a token of another role signs in nowhere in it"""

    @property
    def home(self) -> str:
        """The path of its first page."""
        return f"/{self.name}"

    @property
    def sign_in(self) -> str:
        """The path of its sign-in page."""
        return f"/{self.name}/sign-in"

    @property
    def cookie(self) -> str:
        """The name of the cookie of its sessions, without the prefix that binds it to the host."""
        return f"filterd_{self.name}"
