"""A messenger's room <-> the bot: the guards around sending, and what reads and writes a room."""
