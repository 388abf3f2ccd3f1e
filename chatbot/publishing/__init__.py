"""Checkpoint -> one file; old work -> archive."""
