"""One file per family that our decoder can be; each says only how it differs from Llama."""
