"""The importers: one file, one format."""
