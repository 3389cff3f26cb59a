"""Ways to answer requests: our decoder, any transformers model, and one that only pretends."""
