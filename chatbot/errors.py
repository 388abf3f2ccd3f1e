"""Errors a user can act on: what is wrong, and what to do about it."""


class ChatbotError(Exception):
    """A sentence for the user (lower case, no full stop) and a hint: what to type or change.

    Neither may hold text, names or file names from a chat; cite ids, line numbers, counts.
    `private` is a second hint that may: it is shown at a terminal and never written to a log.
    """

    def __init__(self, message: str, *, hint: str = "", private: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.private = private


class ConfigError(ChatbotError):
    """A setting that is unknown, of the wrong type or out of range."""


class ExportError(ChatbotError):
    """A messenger export that is missing, unrecognized or inconsistent."""


class CorpusError(ChatbotError):
    """Conversations or token files that cannot be trained on."""


class CheckpointError(ChatbotError):
    """A checkpoint or model that is missing, damaged or does not fit."""


class CryptoError(ChatbotError):
    """An encrypted file that does not open, or an invalid key."""


class AccessError(ChatbotError):
    """A missing or wrong password."""
