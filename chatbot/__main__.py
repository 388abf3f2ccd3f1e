"""`python -m chatbot CMD` is `chatbot CMD`."""

from chatbot.cli.main import entry_point

if __name__ == "__main__":
    entry_point()
