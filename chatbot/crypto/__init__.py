"""Encryption: age files, their keys, and the secrets of .env."""
