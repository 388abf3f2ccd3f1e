"""Batches, optimizer, loop, checkpoints, runs."""
