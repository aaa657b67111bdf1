"""The guard on a feed's new version: one that shrinks or grows past its bounds is kept out."""

from __future__ import annotations

from filterd.policy.documents import Guard


def refusal(guard: Guard, before: int | None, after: int) -> str | None:
    """Why a version with ``after`` names may not replace one with ``before`` (None: the first); else None."""
    if after < guard.min_names:
        return f"{after} names, fewer than min_names {guard.min_names}"
    if not before:
        return None
    if before - after > before * guard.max_shrink:
        return f"shrank from {before} to {after} names, by more than max_shrink {guard.max_shrink:g}"
    if after - before > before * guard.max_grow:
        return f"grew from {before} to {after} names, by more than max_grow {guard.max_grow:g}"
    return None
