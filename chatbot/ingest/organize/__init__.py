"""The inbox, rooms and their merged exports, and the rules that leave forgotten messages out."""
