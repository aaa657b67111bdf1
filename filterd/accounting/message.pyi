"""Accounting events, checked, for native code."""
