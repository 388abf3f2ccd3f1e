"""Saved models and the held-out sessions of their data -> reports, with baselines beside them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import msgspec

from chatbot.corpus.store import Corpus
from chatbot.corpus.template import Turn
from chatbot.evaluation.baselines import (
    bigram_likelihood,
    chance_likelihood,
    chance_ranking,
    past_replies,
)
from chatbot.evaluation.held_out import HeldOutReply, held_out_replies
from chatbot.evaluation.imitation import ImitationReport, References, imitation
from chatbot.evaluation.metrics import (
    N_PAST_TOKENS,
    EndReport,
    LikelihoodReport,
    RankingReport,
    end_calibration,
    likelihood,
    ranking,
    scorer_of,
)
from chatbot.evaluation.style import Sessions
from chatbot.inference.bot import Bot
from chatbot.inference.generate import Prefix
from chatbot.inference.loading import (
    bot_settings,
    language_model,
    leak_guard,
    open_base,
    open_model,
    open_network,
    trained_corpus,
)
from chatbot.inference.scoring import Item, item_of, spread
from chatbot.model.bundle import About, Bundle
from chatbot.model.interface import LanguageModel, Network
from chatbot.settings.schema import Config

Work = Callable[[], object]


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """How good a model or a baseline is; None or empty where it is not defined.

    `ends` is None for text without end tokens, `imitation` where only one member speaks.
    """

    model: str
    is_baseline: bool = False
    run_name: str = ""
    step: int | None = None
    data_fingerprint: str
    n_replies: int
    likelihood: LikelihoodReport | None = None
    rankings: list[RankingReport] = []
    ends: EndReport | None = None
    imitation: ImitationReport | None = None


@dataclass(frozen=True)
class HeldOut:
    """What models are measured on; `chosen` are ranked, a reply is generated in place of `own`.

    `own`: replies of the persona. `pool`: the texts of all replies. `references` is None where only
    one member speaks.
    """

    corpus: Corpus
    chosen: list[HeldOutReply]
    own: list[HeldOutReply]
    pool: list[str]
    references: References | None

    @classmethod
    def of(cls, corpus: Corpus, n_replies: int) -> "HeldOut":
        """Choose `n_replies` to rank, and as many to generate."""
        replies = list(held_out_replies(corpus))
        return cls(
            corpus=corpus,
            chosen=spread(replies, n_replies),
            own=spread((reply for reply in replies if reply.turn.speaker == 0), n_replies),
            pool=[reply.turn.text for reply in replies],
            references=References.of(corpus),
        )

    def compare(self, answer: Callable[[Sequence[Turn]], str]) -> ImitationReport | None:
        """Let a bot answer after the past of each of `own`, and compare."""
        if self.references is None:
            return None
        replies: Sessions = [
            [text for reply in group if (text := answer(reply.past))]
            for _, group in groupby(self.own, key=lambda reply: reply.session)
        ]
        return imitation(replies, self.references, self.corpus)


def evaluate_models(
    paths: Sequence[Path],
    config: Config,
    n_replies: int,
    ask: Callable[[], str | None],
    on_work: Work = lambda: None,
) -> Iterator[ModelReport]:
    """Yield the report of each model, of the untouched base of each, then of the baselines.

    `n_replies` are ranked, as many generated. `ask`: for the key of an encrypted model. Raises
    CheckpointError for a model of other data.
    """
    held_out = None
    for path in paths:
        bundle = open_model(path, config, ask)
        corpus = trained_corpus(bundle, config)
        held_out = held_out or HeldOut.of(corpus, n_replies)
        yield _evaluate(path, bundle, config, held_out, on_work)
        base = open_base(bundle, config)
        if base is not None:
            yield _report_of(base, held_out, on_work, bundle.about.base_model or "base")
    if held_out is not None:
        yield from evaluate_baselines(held_out, config.processed_dir.parent, on_work)


def _evaluate(
    path: Path, bundle: Bundle, config: Config, held_out: HeldOut, on_work: Work
) -> ModelReport:
    about: About = bundle.about
    measured = _report_of(open_network(bundle, config), held_out, on_work)
    guard = leak_guard(path, about, config)
    reader, settings = Prefix(language_model(bundle, config)), bot_settings(config, about)
    bot = Bot(reader, held_out.corpus.tokenizer, settings, guard=guard)

    def answer(past: Sequence[Turn]) -> str:
        bot.history = list(past)
        on_work()
        return bot.reply().text

    return msgspec.structs.replace(
        measured,
        model=path.name if path.is_file() else path.parent.name,
        is_baseline=False,
        run_name=about.run_name,
        step=about.step,
        imitation=held_out.compare(answer),
    )


def _report_of(network: Network, held_out: HeldOut, on_work: Work, name: str = "") -> ModelReport:
    """Measure what a network makes of the held-out replies, without a reply of its own."""
    network.eval()
    model, corpus = network.language_model(), held_out.corpus
    scorer = scorer_of(model, corpus.tokenizer)
    return ModelReport(
        model=name,
        is_baseline=True,
        data_fingerprint=corpus.stats.fingerprint,
        n_replies=len(held_out.chosen),
        likelihood=likelihood(network, corpus, model.context_length, on_work),
        rankings=ranking(scorer, held_out.chosen, held_out.pool, on_work),
        ends=_ends(model, held_out.chosen, corpus),
    )


def evaluate_baselines(
    held_out: HeldOut, folder: Path, on_work: Work = lambda: None
) -> Iterator[ModelReport]:
    """Yield the reports of retrieval, of a bigram model, and of chance.

    `folder`: where the index of the training data lies meanwhile.
    """
    corpus = held_out.corpus
    nothing = ModelReport(
        model="",
        is_baseline=True,
        data_fingerprint=corpus.stats.fingerprint,
        n_replies=len(held_out.chosen),
    )
    rankings: list[RankingReport] = []
    with past_replies(corpus, folder) as past:
        if past is not None:
            rankings = ranking(past.score, held_out.chosen, held_out.pool, on_work)
            replies = held_out.compare(lambda turns: past.reply(turns, 0))
            yield msgspec.structs.replace(
                nothing, model="retrieval", rankings=rankings, imitation=replies
            )
    counts, chance = bigram_likelihood(corpus), chance_likelihood(corpus)
    yield msgspec.structs.replace(nothing, model="bigram", likelihood=counts)
    blind = [chance_ranking(each) for each in rankings]
    yield msgspec.structs.replace(nothing, model="chance", likelihood=chance, rankings=blind)


def _ends(
    model: LanguageModel, replies: Sequence[HeldOutReply], corpus: Corpus
) -> EndReport | None:
    tokenizer = corpus.tokenizer
    room = min(N_PAST_TOKENS, model.context_length)
    items: list[Item] = [item_of(r.past, r.turn, tokenizer, room) for r in replies]
    control = frozenset(tokenizer.control_ids.tolist())
    ending = [item for item in items if item.reply[-1] in control]
    return end_calibration(model, ending) if ending else None
