"""A saved model and the held-out sessions of its data -> a report."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from chatbot.corpus.preview import turns_by_session
from chatbot.corpus.store import Corpus
from chatbot.corpus.template import Turn
from chatbot.evaluation.imitation import ImitationReport, imitation
from chatbot.evaluation.metrics import (
    N_PAST_TOKENS,
    EndReport,
    LikelihoodReport,
    RankingReport,
    end_calibration,
    likelihood,
    ranking,
)
from chatbot.inference.bot import Bot
from chatbot.inference.generate import Prefix
from chatbot.inference.loading import (
    bot_settings,
    language_model,
    leak_guard,
    open_model,
    open_network,
    trained_corpus,
)
from chatbot.inference.scoring import Item, item_of, spread
from chatbot.model.interface import LanguageModel
from chatbot.settings.schema import Config

Reply = tuple[Sequence[Turn], Turn]  # the past of a held-out reply, and the reply


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """How good a model is.

    `ends` is None for text without end tokens, `imitation` where only one member speaks.
    """

    model: str
    run_name: str
    step: int | None
    data_fingerprint: str
    n_replies: int
    likelihood: LikelihoodReport
    rankings: list[RankingReport]
    ends: EndReport | None
    imitation: ImitationReport | None


def evaluate_model(
    path: Path,
    config: Config,
    n_replies: int,
    ask: Callable[[], str | None],
    on_work: Callable[[], object] = lambda: None,
) -> ModelReport:
    """Measure a model on the held-out sessions; `n_replies` are ranked, as many generated.

    `ask`: for the key of an encrypted model. Raises CheckpointError for a model of other data.
    """
    bundle = open_model(path, config, ask)
    corpus = trained_corpus(bundle, config)
    network = open_network(bundle, config)
    network.eval()
    model = network.language_model()
    measured = likelihood(network, corpus, model.context_length, on_work)
    replies = held_out_replies(corpus)
    chosen = spread(replies, n_replies)
    pool = [turn.text for _, turn in replies]
    own = [past for past, _ in spread((r for r in replies if r[1].speaker == 0), n_replies)]
    guard = leak_guard(path, bundle.about, config)
    reader, settings = Prefix(language_model(bundle, config)), bot_settings(config, bundle.about)
    bot = Bot(reader, corpus.tokenizer, settings, guard=guard)
    return ModelReport(
        model=path.name if path.is_file() else path.parent.name,
        run_name=bundle.about.run_name,
        step=bundle.about.step,
        data_fingerprint=bundle.about.data_fingerprint,
        n_replies=len(chosen),
        likelihood=measured,
        rankings=ranking(model, chosen, pool, corpus.tokenizer, on_work),
        ends=_ends(model, chosen, corpus),
        imitation=imitation(bot, corpus, own, on_work),
    )


def held_out_replies(corpus: Corpus) -> list[Reply]:
    """Return the held-out target turns, each with the turns before it in its session."""
    replies: list[Reply] = []
    for _, parsed in turns_by_session(corpus.val, corpus.tokenizer):
        turns = list(parsed)
        replies += [
            (turns[:index], turn)
            for index, turn in enumerate(turns)
            if index and turn.is_target and turn.text.strip()
        ]
    return replies


def _ends(model: LanguageModel, replies: Sequence[Reply], corpus: Corpus) -> EndReport | None:
    tokenizer = corpus.tokenizer
    room = min(N_PAST_TOKENS, model.context_length)
    items: list[Item] = [item_of(past, turn, tokenizer, room) for past, turn in replies]
    control = frozenset(tokenizer.control_ids.tolist())
    ending = [item for item in items if item.reply[-1] in control]
    return end_calibration(model, ending) if ending else None
