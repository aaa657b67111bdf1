"""The files of the public pages, made from the facts: what is exported, and what is served as it is."""
