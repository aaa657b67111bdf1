"""The orders of authorities: intake, guards, decisions, ends, and how they are shown."""
