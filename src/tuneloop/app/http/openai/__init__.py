"""The OpenAI protocol, one file per resource."""
