"""tuneloop: the whole life of a fine-tuned language model, on your own machines.

The loop, one word per stage (folder, function, command, page, chapter):

    prepare → label → synthesize → choose → train → evaluate → serve → watch → (prepare)

The layers; imports go down only, and names on one level don't import each other (tests/test_import_law.py reads
the lines below):

    app
    > loop
    > prepare, label, synthesize, choose, train, evaluate, serve, watch
    > knowledge, scores
    > models, runs, access
    > store, text
    > records
    > registry
    > config, charts
    > errors, wording
"""

__version__ = "0.1.0"
