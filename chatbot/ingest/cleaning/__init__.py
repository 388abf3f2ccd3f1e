"""Which messages are kept, what repeats, and where a session begins."""
