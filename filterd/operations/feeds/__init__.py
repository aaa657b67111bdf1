"""Feeds: obtained, read into a new version, judged, taken or held back, adopted, listed and shown."""
