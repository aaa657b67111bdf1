"""The memory of the records of sessions, for native code."""
