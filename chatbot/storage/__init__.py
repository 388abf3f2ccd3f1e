"""Bytes at rest: files written whole or not at all, locks, hashes."""
