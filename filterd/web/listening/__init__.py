"""Listeners of the web process: connections and their limits, strict framing, trusted proxies."""
