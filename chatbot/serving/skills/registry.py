"""The names of the settings -> the skills behind them: those of the program, and of others.

A package adds a skill by an entry point of the group `chatbot.skills`; it is only loaded if its
name is in the settings.
"""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from chatbot.crypto.secrets import read_secret
from chatbot.errors import AccessError, ConfigError
from chatbot.serving.skills import (
    clock,
    guide,
    keyboard,
    lotto,
    manners,
    reset,
    stocks,
    weather,
)
from chatbot.serving.skills.assistant import Assistant
from chatbot.serving.skills.interface import Context, Skill
from chatbot.serving.skills.web import JsonFetcher
from chatbot.settings.schema import Config

GROUP = "chatbot.skills"
# In the order in which they are asked.
SKILLS: Mapping[str, Skill] = {
    "reset": reset,
    "help": guide,
    "manners": manners,
    "clock": clock,
    "lotto": lotto,
    "weather": weather,
    "stocks": stocks,
    "keyboard": keyboard,
}


def open_assistant(config: Config, required: tuple[str, ...] = ()) -> Assistant | None:
    """Return the assistant of the skills that are enabled, or required; None if there are none.

    Raises ConfigError for an unknown skill, AccessError if the key of one is missing.
    """
    names = {*config.skills.enabled, *required}
    if not names:
        return None
    own = [name for name in SKILLS if name in names]
    others = {name: _loaded(name) for name in config.skills.enabled if name not in SKILLS}
    root = Path(config.root)
    skills = [*(SKILLS[name] for name in own), *others.values()]
    for name in (secret for skill in skills for secret in getattr(skill, "SECRETS", ())):
        if not read_secret(root, name):
            raise AccessError(
                f"a skill of `skills.enabled` needs {name}, which is not in .env",
                hint=f"docs/skills.md says where to get it; put {name}=... into .env",
            )
    zone = timezone(timedelta(hours=config.raw.utc_offset_hours))
    context = Context(
        now=lambda: datetime.now(zone),
        randomness=random.SystemRandom(),
        fetch_json=JsonFetcher(),
        read_secret=lambda name: read_secret(root, name),
        place=config.skills.place,
        lines=tuple(skill.HELP for skill in skills if hasattr(skill, "HELP")),
    )
    return Assistant(skills, context)


def _loaded(name: str) -> Skill:
    """Load the skill of another package."""
    offered: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=GROUP)}
    if name not in offered:
        close = get_close_matches(name, [*SKILLS, *offered], 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(SKILLS)}"
        raise ConfigError(f"`skills.enabled` names the unknown skill {name}", hint=hint)
    try:
        skill = offered[name].load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"the skill {name} cannot be loaded: {type(error).__name__}",
            hint="install its package again, or take it out of `skills.enabled`",
        ) from error
    if not all(callable(getattr(skill, part, None)) for part in ("recognizes", "answer")):
        raise ConfigError(
            f"the skill {name} has no functions recognizes and answer",
            hint="docs/skills.md shows what a skill is",
        )
    return skill
