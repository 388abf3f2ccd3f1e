"""The bot of a project, for whoever may talk with it."""

from typing import TYPE_CHECKING

from chatbot.cli.keys import ask_model_key, ask_password
from chatbot.cli.screen import say
from chatbot.serving.auth import has_password, require_access
from chatbot.settings.schema import Config

if TYPE_CHECKING:
    from chatbot.inference.bot import Bot


def open_bot(config: Config) -> "Bot":
    """Load the bot for whoever passes the gate.

    A published file is open where no password is set: whoever has it, and the key if it is
    encrypted, can use it by any program, so a password that they invent protects nothing.
    """
    from chatbot.inference.loading import find_model, is_published, load_bot
    from chatbot.training.folder import is_stale

    if is_locked := has_password(config):  # before a word about any model
        require_access(config, ask_password)
    path = find_model(config)
    if not (is_locked or is_published(path, config)):
        require_access(config, ask_password)
    if is_stale(path):
        say(
            "warning: this model learned from messages that were forgotten since; "
            "`chatbot archive`, `chatbot preprocess` and `chatbot train` make a new one"
        )
    return load_bot(path, config, ask_model_key)
