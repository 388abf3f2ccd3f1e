"""Conversations -> tokens and loss masks."""
