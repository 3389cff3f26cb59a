"""The shapes: one file, one way of writing examples down."""
