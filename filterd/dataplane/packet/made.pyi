"""Native only: see ``made.pxd``."""
