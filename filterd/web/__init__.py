"""The web process's pages and calls; they speak to the use cases alone, never to the store."""
