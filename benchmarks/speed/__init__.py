"""The benchmark: each stage of ours in turn with how others do it, and against the limit."""
