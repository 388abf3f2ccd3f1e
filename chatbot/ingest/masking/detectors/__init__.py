"""Rules for each kind of personal data in chats, and the search with them."""
