"""The containers: what files come packed in."""
