"""What personal data looks like in chats: rules by kind, and the search for it."""
