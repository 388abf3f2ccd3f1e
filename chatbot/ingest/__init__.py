"""Exports -> clean conversations."""
