"""Pages: one application for each listener, and the house that all pages share: templates, words, forms."""
