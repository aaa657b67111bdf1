"""Readers of the documents of registers. Pure: bytes go in, items and errors with their lines come out."""
