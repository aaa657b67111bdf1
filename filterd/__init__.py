"""DNS filtering for Internet providers: opt-in parental profiles and mandatory blocklists."""

__version__ = "0.2.0"
