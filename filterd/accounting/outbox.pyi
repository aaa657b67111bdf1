"""The newest changes of sessions, for native code."""
