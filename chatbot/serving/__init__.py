"""Access to the bot: passwords and messengers."""
