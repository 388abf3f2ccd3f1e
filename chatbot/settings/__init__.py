"""Every setting with its type and default, how configs/ is read, and other names for settings."""
