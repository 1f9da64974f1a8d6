"""The dialogue with the director, hung onto the trainer's events."""
