"""The state that a node keeps on its own disk, and the thread that follows the store's change log."""
