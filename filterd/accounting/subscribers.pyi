"""The registered subscribers, for native code."""
