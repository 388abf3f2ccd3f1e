"""Print the line for .env that protects the bot with a password."""

import argparse
import getpass
import sys

from chatbot.cli.screen import display, say
from chatbot.errors import AccessError
from chatbot.serving.auth import hash_password
from chatbot.settings.schema import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to add: a password in the arguments would be seen by everybody on the machine."""


def run(args: argparse.Namespace, config: Config) -> None:
    """Ask twice, print the hash."""
    del args
    if sys.stdin.isatty():
        password = getpass.getpass("new password: ")
        if getpass.getpass("again: ") != password:
            raise AccessError("the two passwords differ", hint="try again")
    else:
        password = sys.stdin.readline().rstrip("\n")
    display(f"{config.security.password_hash_env}='{hash_password(password)}'")
    say("put this line into .env")
