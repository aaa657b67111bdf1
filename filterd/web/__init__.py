"""The web process: the API, the pages and their listeners, over the use cases alone, never the store."""
