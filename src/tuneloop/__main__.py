"""`python -m tuneloop`: the same as the command `tuneloop`."""

import sys

from tuneloop.app.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
