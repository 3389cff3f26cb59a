"""The splitters: one file, one way to part a set into train, validation and test."""
