"""Native only: nothing here is called from Python."""
