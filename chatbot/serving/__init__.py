"""Doors to the bot, and the password in front of them."""
