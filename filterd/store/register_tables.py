"""The tables of registers: what authorities publish, and the answers that they got."""

from __future__ import annotations

from filterd.store.order_time_tables import metadata

__all__ = ["metadata"]
