"""The profiles that a subscriber can choose."""

from __future__ import annotations

from filterd.operations.context import Context
from filterd.operations.policies import policies, profile
from filterd.policy.documents import Profile


def list_profiles(context: Context) -> tuple[Profile, ...]:
    """All profiles, in the order of their files."""
    return policies(context).profiles


def show(context: Context, identifier: str) -> Profile:
    """One profile."""
    return profile(policies(context), identifier)
