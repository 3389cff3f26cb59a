"""One file per layout: see `tuneloop.prepare.layout`."""
