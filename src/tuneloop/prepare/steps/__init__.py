"""The steps: one file, one cleaner."""
