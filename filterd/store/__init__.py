"""The store: the only source of truth, with its change log and its audit trail (SQLite)."""
