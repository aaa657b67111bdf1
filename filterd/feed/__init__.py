"""Feeds: reading a list's source, its format, and the guard on its new version. No store, no network."""
