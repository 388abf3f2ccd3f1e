"""Say before training what will happen: parameters, memory, time, how good it may get."""

import argparse
import importlib

from chatbot.cli.arguments import not_negative, positive_float
from chatbot.errors import ConfigError
from chatbot.settings.schema import Config

# A family: the module that plans for it, and the option that it understands.
_PLANS = {
    "gpt": ("chatbot.cli.plans.gpt", "minutes"),
    "pretrained": ("chatbot.cli.plans.pretrained", "card"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --minutes and --card."""
    parser.add_argument(
        "--minutes",
        type=not_negative,
        help="of a network of our own: most time for short runs on parts of the corpus; 0: none "
        "(default: 5)",
    )
    parser.add_argument(
        "--card",
        type=positive_float,
        metavar="GB",
        help="of a base: memory of the graphics card to plan for (default: 8, an RTX 3060 Ti)",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Print the plan; nothing is written, and no weight of a base is loaded."""
    module, option = _PLANS[config.family]
    options = {name: getattr(args, name) for name in ("minutes", "card")}
    for name, value in options.items():
        if name != option and value is not None:
            raise ConfigError(
                f"--{name} does not apply to this kind of model", hint=f"--{option} does"
            )
    plan = importlib.import_module(module)
    plan.show(config) if options[option] is None else plan.show(config, options[option])
