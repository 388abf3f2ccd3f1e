"""The bot of a project, for whoever may talk with it."""

from typing import TYPE_CHECKING

from chatbot.cli.keys import ask_model_key, ask_password
from chatbot.serving.auth import has_password, require_access
from chatbot.settings.schema import Config
from chatbot.training.folder import RunFolder

if TYPE_CHECKING:
    from chatbot.inference.bot import Bot


def open_bot(config: Config) -> "Bot":
    """Load the bot for whoever passes the gate.

    A published file is open where no password is set: whoever has it, and the key if it is
    encrypted, can use it by any program, so a password that they invent protects nothing.
    """
    if has_password(config) or not _is_published(config):
        require_access(config, ask_password)
    if config.family == "pretrained":
        from chatbot.inference.tuned_loading import load_tuned_bot

        return load_tuned_bot(config, ask_model_key)
    from chatbot.inference.loading import load_bot

    return load_bot(config, ask_model_key)


def _is_published(config: Config) -> bool:
    """Whether what answers is a file that somebody published, and no run of this project."""
    if config.family == "pretrained":
        from chatbot.inference.tuned_loading import find_tuned

        return find_tuned(config).is_file()
    from chatbot.inference.loading import find_model

    return find_model(config) != RunFolder(config.run_dir).model
