"""The machine of a run: facts, memory, control groups, GPU."""
