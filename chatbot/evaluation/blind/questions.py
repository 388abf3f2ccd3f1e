"""Held-out replies of the persona, and the bot's own to the same turns -> questions without truth.

Both texts of a question pass through the same normalization, shield and limits: a reply of the
persona that is longer than the bot's may be, or has a word that is forbidden to it, is left out. No
question shows the reply of another.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from chatbot.corpus.store import Corpus
from chatbot.corpus.template import Turn
from chatbot.evaluation.held_out import HeldOutReply, held_out_replies
from chatbot.inference.bot import BotSettings, cut_bubbles
from chatbot.inference.generate import Prefix
from chatbot.inference.loading import LoadedModel
from chatbot.ingest.cleaning.normalization import Normalizer, TextRules
from chatbot.ingest.masking.masker import shielded
from chatbot.settings.schema import PreprocessConfig

N_SHOWN_TURNS = 6  # of the past


class Speech(msgspec.Struct, frozen=True):
    """A turn as it is shown; `name` is empty where it is unknown."""

    name: str
    number: int
    bubbles: list[str]


class Question(msgspec.Struct, frozen=True):
    """The turns before a reply, and two texts of it in random order: one real, one the bot's."""

    past: list[Speech]
    texts: tuple[list[str], list[str]]


@dataclass(frozen=True)
class Draft:
    """The questions of a test, and of each whether its second text is the bot's: the truth."""

    persona: Speech  # its bubbles are empty
    questions: list[Question]
    second_is_bot: list[bool]


def draw_questions(
    loaded: LoadedModel,
    corpus: Corpus,
    n: int,
    rng: random.Random,
    on_question: Callable[[], object] = lambda: None,
) -> Draft:
    """Draw at most n questions; fewer where the held-out sessions hold fewer.

    Both texts exist before the coin is tossed, so that nothing about a question depends on it.
    """
    settings, speaker = loaded.settings, loaded.speaker
    bot = loaded.bot(Prefix(loaded.model))
    replies = [
        reply
        for reply in held_out_replies(corpus)
        if reply.turn.speaker == speaker and _fits(reply.turn, loaded)
    ]
    names = {number: name for name, number in reversed(loaded.names.items())}
    draft = Draft(Speech(names.get(speaker, ""), speaker, []), [], [])
    for reply in apart(replies, rng):
        if len(draft.questions) == n:
            break
        bot.history = list(reply.past)
        real, generated = (
            _reply_shown(text, settings) for text in (reply.turn.text, bot.reply().text)
        )
        if not real or not generated:
            continue
        second_is_bot = rng.random() < 0.5
        texts = (real, generated) if second_is_bot else (generated, real)
        rules = settings.text_rules
        past = [
            Speech(names.get(turn.speaker, ""), turn.speaker, as_shown(turn.text, rules))
            for turn in reply.past[-N_SHOWN_TURNS:]
        ]
        draft.questions.append(Question(past, texts))
        draft.second_is_bot.append(second_is_bot)
        on_question()
    return draft


def apart(replies: Sequence[HeldOutReply], rng: random.Random) -> Iterator[HeldOutReply]:
    """Yield replies in random order, none of which is in the shown past of another."""
    order = list(replies)
    rng.shuffle(order)
    taken: dict[int, list[int]] = {}
    for reply in order:
        places = taken.setdefault(reply.session, [])
        if all(abs(place - reply.place) > N_SHOWN_TURNS for place in places):
            places.append(reply.place)
            yield reply


def as_shown(text: str, rules: TextRules | PreprocessConfig) -> list[str]:
    """Return the bubbles of a text as a friend sees it, whoever wrote it."""
    lines = Normalizer(rules).normalize("".join(shielded([text], rules.public))).split("\n")
    return [line for line in lines if line]


def _reply_shown(text: str, settings: BotSettings) -> list[str]:
    """Return the bubbles of a reply, real or generated: what a reply of the bot may have."""
    return as_shown("".join(cut_bubbles([text], settings.output)), settings.text_rules)


def _fits(turn: Turn, loaded: LoadedModel) -> bool:
    """Whether the bot could have written as long a reply, and each of its words."""
    settings = loaded.settings
    if any(word in turn.text for word in settings.sampling.forbidden_words):
        return False
    n_lines = len([line for line in turn.text.split("\n") if line.strip()])
    n_tokens = len(loaded.tokenizer.encode(turn.text))
    longest = min(settings.sampling.max_new_tokens, loaded.model.context_length // 2)
    return 0 < n_lines <= settings.output.max_bubbles and n_tokens <= longest
