"""The slow path: asyncio around the native stages, for TCP and for what the fast path punts."""
