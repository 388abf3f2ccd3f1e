"""Say before training what will happen: parameters, memory, time, how good it may get."""

import argparse
import importlib

from chatbot.cli.arguments import not_negative, positive_float
from chatbot.errors import ConfigError
from chatbot.settings.schema import Config
from chatbot.training.families import family_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --minutes and --card."""
    parser.add_argument(
        "--minutes",
        type=not_negative,
        help="from scratch: maximum minutes for short runs on parts of the corpus; 0: none "
        "(default: 5)",
    )
    parser.add_argument(
        "--card",
        type=positive_float,
        metavar="GB",
        help="with a base: GB of the graphics card to plan for (default: 8, an RTX 3060 Ti)",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Print the plan; nothing is written, and no weight of a base is loaded."""
    plan = importlib.import_module(family_of(config.family).plan)
    options = {name: getattr(args, name) for name in ("minutes", "card")}
    for name, value in options.items():
        if name != plan.OPTION and value is not None:
            raise ConfigError(
                f"--{name} does not apply to this kind of model", hint=f"--{plan.OPTION} does"
            )
    chosen = options[plan.OPTION]
    plan.show(config) if chosen is None else plan.show(config, chosen)
