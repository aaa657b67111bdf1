"""The table of sessions and its rules, for native code."""
