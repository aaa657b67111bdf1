"""Lists over HTTPS: one file from one server, within limits, with its secrets kept.

No store and no policies here: :mod:`filterd.operations.feeds.obtaining` says which address to ask, and keeps
what was got.
"""
