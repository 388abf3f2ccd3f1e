"""Models as files for other people and programs; archives of old work."""
