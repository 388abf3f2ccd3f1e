"""Turn a messenger room into a chatbot that talks like one of its members, on your own machine."""

__version__ = "0.1.0"
