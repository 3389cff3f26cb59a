"""Where inputs come from; one file each."""
