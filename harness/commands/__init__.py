"""The commands of `sssp`, their flags, configuration files and batch templates."""
