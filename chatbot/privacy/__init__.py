"""Measuring what a model remembers of its training data."""
