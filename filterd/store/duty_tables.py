"""The tables of the duty desk: roster, requests of authorities, and hand-overs."""

from __future__ import annotations

from filterd.store.register_tables import metadata

__all__ = ["metadata"]
