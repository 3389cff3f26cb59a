"""The doors: what people and programs come in by.  No logic: each command calls the library and shows what came back.

cli/         the command line, one thin file a command or action
worker.py    the process of one run
wiring.py    which stage a run's kind calls, and how a run is started
demo/        the example data of `tuneloop demo` and its course
"""
