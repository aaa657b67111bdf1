"""Names that the end-to-end tests and their world share."""

BANNED = "banned.example"
"""of the mandatory list, with all below it"""
ORDERED_ADDRESSES = ("203.0.113.7", "2001:db8:bad::7")
"""an order is on them"""

CHILD, TEENAGER, STRANGER = "127.0.0.2", "127.0.0.3", "127.0.0.4"
LINES = (CHILD, TEENAGER, STRANGER)
