"""The command table for a pretrained base: `python -m chatbot.sft_ops CMD`."""

import sys
from collections.abc import Sequence

from chatbot import wording
from chatbot.cli.main import Program
from chatbot.cli.main import main as run_program
from chatbot.settings.aliases import ALIASES, load_sft_config

COMMANDS = (
    "organize",
    "preprocess",
    "plan",
    "train",
    "status",
    "stop",
    "smoke",
    "reply",
    "chat",
    "bridge",
    "publish",
    "export",
    "archive",
)
OWN = ("publish", "export")
SFT = Program(wording.SFT, COMMANDS, load_sft_config, OWN, ALIASES, "sft.yaml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command on a pretrained base; exit status as for `chatbot`."""
    return run_program(arguments, SFT)


if __name__ == "__main__":
    sys.exit(main())
