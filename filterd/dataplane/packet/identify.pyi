"""Native only: see ``identify.pxd``."""
