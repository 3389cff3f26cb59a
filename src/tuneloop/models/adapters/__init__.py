"""Formats of adapters: one file each, read and written in PEFT's folder layout."""
