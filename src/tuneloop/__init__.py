"""tuneloop: the whole life of a fine-tuned language model, on your own machines.

The loop, one word per stage (folder, function, command, page, chapter):

    prepare → label → synthesize → choose → train → evaluate → serve → watch → (prepare)

The layers; imports go down only, and names on one level don't import each other (tests/test_import_law.py reads
the lines below):

    app
    > jobs
    > loop
    > trial
    > recipes
    > prepare, label, synthesize, choose, train, evaluate, serve, watch
    > knowledge, scores
    > models, runs, access
    > store, text
    > records
    > registry
    > config, charts, pages
    > errors, wording
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuneloop.loop import chat, choose, evaluate, export, prepare, train, trial

__version__ = "0.1.0"
__all__ = ["chat", "choose", "evaluate", "export", "prepare", "train", "trial"]


def __getattr__(name: str) -> Any:
    # The verbs are fetched when they are first used, so that `import tuneloop` costs nothing.
    if name in __all__:
        from tuneloop import loop

        return getattr(loop, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Face(ModuleType):
    """`tuneloop.prepare` is the verb, although a package has the same name: importing that package, which would put
    the module in the verb's place, leaves it alone.  (`from tuneloop.prepare import …` finds the package all the same.)
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name not in __all__ or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face
