"""Result files: their schema, their statistics, and what makes one a submission."""
