"""How many messages a model needs: one place for what refuses, warns and advises."""

MIN_MESSAGES = 100  # below, nothing can be held out, and `preprocess` refuses
GOOD_MESSAGES = 5000  # below, replies are in the tone of the room, rarely with sense
