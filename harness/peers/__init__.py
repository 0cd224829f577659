"""Other libraries on the same graph and roots."""
