"""Validation of answers against the edge list, on the host, over ranks and on a device."""
