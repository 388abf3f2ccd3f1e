"""Talk with the bot: /undo takes back, /retry answers anew, /edit corrects, /exit ends, /help."""

import argparse
import contextlib
from collections.abc import Callable, Iterator
from functools import cache

from chatbot.cli.bot import open_bot
from chatbot.cli.desk import open_desk_answers
from chatbot.cli.screen import ask, display, say
from chatbot.cli.skills import open_terminal_skills
from chatbot.cli.sources import open_explainer
from chatbot.errors import ChatbotError
from chatbot.inference.bot import Bot
from chatbot.inference.feedback import Feedback, keep_choices
from chatbot.settings.schema import Config

_HELP = (
    "/reset forgets, /undo takes the last turn back, /retry answers anew, /edit TEXT puts your "
    "words in place of the reply, /why shows the owner what its reply is near to, /exit ends"
)
_STORED = (
    "/retry, /undo and /edit are stored here, encrypted: `chatbot prefer --list` counts them, "
    "`chatbot prefer --delete` deletes them"
)
_DESK_HELP = "/exit ends"
Explain = Callable[[str], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to add."""


def run(args: argparse.Namespace, config: Config) -> None:
    """Read lines, answer them, until /exit or the end of input."""
    del args
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 makes input() edit Hangul by the character

    skills = open_terminal_skills(config)
    if config.qna.answering.enabled:
        answer = open_desk_answers(config)
        say(_DESK_HELP)
        for line in _lines():
            if text := skills.left(line, lambda: None):
                take_question(text, answer)
        return
    bot = open_bot(config)
    feedback = Feedback(bot.number, keep_choices(config, bot.about))
    open_once = cache(lambda: open_explainer(config))
    say(_HELP)
    if config.preferences.store:
        say(_STORED)
    for line in _lines():
        if text := skills.left(line, lambda: _begin_again(bot, feedback)):
            take_line(text, bot, feedback, lambda text: open_once()(text))
    feedback.end(bot.history)


def _lines() -> Iterator[str]:
    """Yield lines that are not empty, until /exit or the end of input."""
    while True:
        try:
            line = ask("you> ").strip()
        except EOFError:
            say()
            return
        except KeyboardInterrupt:
            say(" (/exit ends)")
            continue
        if line == "/exit":
            return
        if line:
            yield line


def take_question(line: str, answer: Callable[[str], str]) -> None:
    """Answer a question to the desk."""
    if line.startswith("/"):
        say(_DESK_HELP)
    else:
        display("bot> ", end="")
        _show(answer(line))
        display()


def take_line(line: str, bot: Bot, feedback: Feedback, explain: Explain) -> None:
    """Run a /command or answer a message."""
    commands: dict[str, Callable[[], None]] = {
        "/reset": lambda: _reset(bot, feedback),
        "/undo": lambda: _undo(bot, feedback),
        "/retry": lambda: _retry(bot, feedback),
        "/why": lambda: _explain(bot, explain),
        "/help": lambda: say(_HELP),
    }
    if line in commands:
        commands[line]()
    elif line.startswith("/edit "):
        _edit(bot, feedback, line.removeprefix("/edit ").strip())
    elif line.startswith("/"):
        say(f"unknown command; {_HELP}")
    else:
        feedback.go_on(bot.history)
        bot.hear(line)
        _speak(bot)


def _begin_again(bot: Bot, feedback: Feedback) -> None:
    feedback.end(bot.history)
    bot.forget()


def _reset(bot: Bot, feedback: Feedback) -> None:
    _begin_again(bot, feedback)
    say("forgotten")


def _undo(bot: Bot, feedback: Feedback) -> None:
    feedback.undo(bot.history)
    undo(bot)
    say("taken back")


def _edit(bot: Bot, feedback: Feedback, text: str) -> None:
    """Let the bot have said something else, and go on from there."""
    if not (bot.history and bot.history[-1].speaker == bot.number):
        say("there is no reply to edit")
        return
    feedback.edit(bot.history)
    bot.forget(1)
    bot.hear(text, bot.number)
    say("edited")


def _retry(bot: Bot, feedback: Feedback) -> None:
    feedback.retry(bot.history)
    if bot.history and bot.history[-1].speaker == bot.number:
        bot.forget(1)
    if bot.history:
        _speak(bot)
    else:
        say("there is nothing to answer yet")


def _explain(bot: Bot, explain: Explain) -> None:
    """Show what the bot's last reply is near to; an error of the owner's data ends no chat."""
    replies = [turn.text for turn in bot.history if turn.speaker == bot.number]
    if not replies:
        say("there is no reply yet")
        return
    try:
        explain(replies[-1])
    except ChatbotError as error:
        say(f"error: {error}")
        say(f"hint: {error.hint}")


def undo(bot: Bot) -> None:
    """Remove the bot's latest turn and the message before it."""
    if bot.history and bot.history[-1].speaker == bot.number:
        bot.forget(1)
    if bot.history and bot.history[-1].speaker != bot.number:
        bot.forget(1)


def _speak(bot: Bot) -> None:
    display("bot> ", end="")
    try:
        for piece in bot.stream():
            _show(piece)
    except KeyboardInterrupt:
        display(" ...", end="")
    display()


def _show(text: str) -> None:
    display(text.replace("\n", "\n     "), end="")
