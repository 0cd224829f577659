"""Several ranks as one job: starting them, placing them, ending them together."""
