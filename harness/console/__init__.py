"""What a user sees and presses: errors and exit statuses, streams, signals, logs, progress."""
