"""Kinds of what answers for a base."""
