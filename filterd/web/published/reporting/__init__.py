"""Reports in words: as pages, as files, and as sheets of paper."""
