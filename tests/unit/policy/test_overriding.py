"""Orders that override protection take it off exactly the names that they block."""

from __future__ import annotations
