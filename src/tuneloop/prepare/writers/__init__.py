"""One file per format: see `tuneloop.prepare.writer`."""
