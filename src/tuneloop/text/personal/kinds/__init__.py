"""The kinds of personal data: one file each."""
