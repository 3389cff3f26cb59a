"""The demo: its data, and the course that `tuneloop demo` takes through the loop."""
