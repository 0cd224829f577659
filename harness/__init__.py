"""The benchmark: one run, its validation, its result file and reports, the command `sssp`."""
