"""Fine-tuning jobs: an uploaded file becomes a model version, as one run that prepares and trains."""
