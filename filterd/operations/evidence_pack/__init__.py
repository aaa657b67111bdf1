"""Evidence packs: one signed archive for an order or a range of days, with everything to verify it."""
