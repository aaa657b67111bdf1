"""The receiver of accounting events, for native code."""

class EventSink:
    """Takes accounting events, from any thread and without the GIL."""
