"""Ready-made quality standards, one YAML file each, in the form in which a team writes its own."""
