"""The command table for a pretrained base: `python -m chatbot.sft_ops CMD`."""

import sys
from collections.abc import Sequence
from functools import partial

from chatbot import wording
from chatbot.cli.main import Program
from chatbot.cli.main import main as run_program
from chatbot.settings.aliases import load_sft_config, sft_naming

COMMANDS = (
    "organize",
    "doctor",
    "preprocess",
    "plan",
    "train",
    "status",
    "stop",
    "smoke",
    "reply",
    "chat",
    "bridge",
    "serve",
    "qna",
    "prefer",
    "eval",
    "leaderboard",
    "blind",
    "publish",
    "export",
    "archive",
)
SFT = Program(wording.SFT, COMMANDS, load_sft_config, partial(sft_naming, "sft"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command on a pretrained base; exit status as for `chatbot`."""
    return run_program(arguments, SFT)


if __name__ == "__main__":
    sys.exit(main())
