"""The tables of the lists that this installation publishes, and what others published.

With them :data:`metadata` has every table.
"""

from __future__ import annotations

from filterd.store.take_up_tables import metadata

__all__ = ["metadata"]
