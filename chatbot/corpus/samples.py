"""Turns of a session -> samples: the turns a network reads together, and the trained ones."""

from collections.abc import Iterator
from itertools import groupby

from chatbot.corpus.template import Turn
from chatbot.settings.schema import PreprocessConfig


def session_samples(turns: list[Turn], rules: PreprocessConfig) -> Iterator[list[Turn]]:
    """Yield one sample per session: every turn once, every reply a target with its full context."""
    last = len(turns) - 1
    yield [
        Turn(turn.speaker, turn.text, True)
        if _is_target(index, turn, rules) and (rules.targets != "last_turn" or index == last)
        else turn
        for index, turn in enumerate(turns)
    ]


def window_samples(turns: list[Turn], rules: PreprocessConfig) -> Iterator[list[Turn]]:
    """Yield a sample per `sample_stride` replies: up to `context_turns` turns, then the target."""
    targets = [index for index, turn in enumerate(turns) if _is_target(index, turn, rules)]
    for index in targets[:: rules.sample_stride]:
        target = Turn(turns[index].speaker, turns[index].text, True)
        yield [*turns[max(0, index - rules.context_turns) : index], target]


def raw_samples(turns: list[Turn], rules: PreprocessConfig) -> Iterator[list[Turn]]:
    """Yield a sample per `context_turns` messages: their text, a line each, all of it trained.

    A message that is context only ends a sample, so that its neighbours are never joined.
    """
    for is_context_only, group in groupby(turns, lambda turn: turn.is_context_only):
        texts = [turn.text for turn in group]
        for begin in range(0, 0 if is_context_only else len(texts), rules.context_turns):
            yield [Turn(0, "\n".join(texts[begin : begin + rules.context_turns]), True)]


def _is_target(index: int, turn: Turn, rules: PreprocessConfig) -> bool:
    return (
        not turn.is_context_only
        and index >= rules.min_context_turns
        and len(turn.text) >= rules.min_target_chars
        and (rules.targets != "persona" or turn.speaker == 0)
    )
