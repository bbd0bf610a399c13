"""Our side of each stage: the functions that the commands call."""
