"""The command line: one thin file a command, or a folder with a file for each of its actions.

Each calls the library and prints what came back.

    main.py       the commands in the order of the loop; exit codes; how an error is shown
    options.py    the options that commands share, written once
    screen.py     what goes to standard output and what to standard error
    progress.py   a live line on a terminal, plain lines elsewhere

Nothing here is imported at module level that is slow to import: `tuneloop --help` must answer at once.
"""
