"""Our way to do each stage: by the functions that the commands call."""
