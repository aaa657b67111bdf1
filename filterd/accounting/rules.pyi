"""The rules of sessions, for native code."""
