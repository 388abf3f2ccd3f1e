"""From the history of a conversation to a reply."""
