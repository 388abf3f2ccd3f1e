"""Ask the model three fixed questions in one conversation and print the answers."""

import argparse

from chatbot.cli.bot import open_bot
from chatbot.cli.screen import display
from chatbot.errors import CheckpointError
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to add."""


def run(args: argparse.Namespace, config: Config) -> None:
    """Hold the conversation of dialogue.smoke_prompts."""
    del args
    bot = open_bot(config)
    for prompt in config.dialogue.smoke_prompts:
        bot.hear(prompt)
        reply = bot.reply()
        if not reply.text:
            raise CheckpointError("the model gave an empty answer", hint="train it for longer")
        display(f"> {prompt}")
        display("\n".join(f"  {bubble}" for bubble in reply.bubbles))
