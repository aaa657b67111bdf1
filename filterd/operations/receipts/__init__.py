"""Receipts: what was done about an order, signed, for its authority (R4, LIVA 18-H QUÁTER)."""
