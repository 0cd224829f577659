"""Reports of result files: lines, tables, plots."""
