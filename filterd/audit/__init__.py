"""The audit trail: reading and proving its chain. ``store`` is its only writer."""
