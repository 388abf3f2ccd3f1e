"""Simulated preferences: does the bot learn a rule, and what do held-out sessions cost?

`python benchmarks/preferences.py --root PROJECT [--sft] [--set section.key=value ...]`: PROJECT has
a trained run; `--sft`: on a pretrained base, with the settings of configs/sft.yaml. The rule of the
simulated owner: a reply without the banned word beats one with it, else the shorter one wins. Pairs
are two replies of the run itself to the same training context, as /retry makes them. The new run
goes to a copy of the project in a temporary folder.

Printed: on held-out contexts that no pair is about, the share of replies that the rule likes (not
longer than the median reply before, no banned word), before and after, and how often a reply after
beats one before; held-out bits per byte before and after, with the paired change. 95 % intervals.
"""

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from chatbot.corpus.preferences import Preference
from chatbot.corpus.preview import turns_by_session
from chatbot.corpus.store import TokenStore
from chatbot.corpus.template import Turn
from chatbot.corpus.tokenizer import Tokenizer
from chatbot.evaluation.intervals import share
from chatbot.evaluation.preferences import PreferenceTask, compare_models, open_task
from chatbot.inference.bot import Bot
from chatbot.inference.feedback import speakers_digest
from chatbot.inference.loading import load_bot, open_model, run_model_path, trained_corpus
from chatbot.inference.scoring import spread
from chatbot.settings.aliases import load_sft_config
from chatbot.settings.load import load_config
from chatbot.settings.schema import Config
from chatbot.training.families import run_folder
from chatbot.training.folder import locked_run
from chatbot.training.interface import NO_HOOKS
from chatbot.training.preference_run import prepare_preferences
from chatbot.training.run import Training


def main() -> None:
    """Simulate, train, measure, and print."""
    args = arguments()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        shutil.copytree(args.root, root)
        load = load_sft_config if args.sft else load_config
        config = load(root, tuple(args.set))
        sampling = replace(config.sampling, seed=args.seed)
        simulate(args, replace(config, sampling=sampling))


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--sft", action="store_true")
    parser.add_argument("--pairs", type=int, default=300, help="contexts that are retried")
    parser.add_argument("--replies", type=int, default=300, help="held-out contexts to answer")
    parser.add_argument("--banned", default="ㅋㅋ")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[])
    return parser.parse_args()


def contexts(store: TokenStore, tokenizer: Tokenizer, n: int) -> list[list[Turn]]:
    """Return evenly spread contexts that the persona answered."""

    def every() -> Iterator[list[Turn]]:
        for _, parsed in turns_by_session(store, tokenizer):
            turns = list(parsed)
            for index, turn in enumerate(turns):
                if index and turn.speaker == 0 and turn.is_target:
                    yield turns[:index]

    return spread(every(), n)


def replies(bot: Bot, past: Sequence[Turn], n: int) -> list[str]:
    """Return n replies to a context."""

    def every() -> Iterator[str]:
        while True:
            bot.history = list(past)
            yield bot.reply().text

    return list(islice(every(), n))


def rank(text: str, banned: str) -> tuple[bool, int]:
    """Return how bad the rule finds a reply: less is better."""
    return banned in text or not text, len(text)


def simulated(bot: Bot, pasts: Sequence[list[Turn]], banned: str) -> Iterator[Preference]:
    """Yield what an owner with the rule would store of one retry of each context."""
    for past in pasts:
        better, worse = sorted(replies(bot, past, 2), key=lambda text: rank(text, banned))
        if better and rank(better, banned) < rank(worse, banned) and worse:
            yield Preference(
                kind="retry",
                context=[(turn.speaker, turn.text) for turn in past[-8:]],
                speaker=0,
                chosen=better,
                rejected=worse,
                at="",
                model="",
                speakers=speakers_digest(bot.about),
            )


def train(task: PreferenceTask, before: Path) -> Path:
    """Train as `chatbot prefer` does; return the new model."""
    folder = run_folder(task.config)
    with locked_run(folder):
        Training(prepare_preferences(task.config, task.corpus, folder, before, task.pairs)).run(
            NO_HOOKS
        )
    return folder.models()[0]


def simulate(args: argparse.Namespace, config: Config) -> None:
    """Print a table."""
    before = run_model_path(config)
    corpus = trained_corpus(open_model(before, config), config)
    old = load_bot(before, config)
    asked = contexts(corpus.train, corpus.tokenizer, args.pairs)
    rows = list(simulated(old, asked, args.banned))
    task = open_task(rows, before, "preferred", config)
    after = train(task, before)
    new = load_bot(after, config)
    tested = contexts(corpus.val, corpus.tokenizer, args.replies)
    texts = [[replies(bot, past, 1)[0] for past in tested] for bot in (old, new)]
    most = statistics.median(map(len, texts[0]))
    liked = [[bool(t) and len(t) <= most and args.banned not in t for t in ts] for ts in texts]
    report = compare_models(before, after, task.pairs.held_out, config)
    ranks = [[rank(text, args.banned) for text in each] for each in texts]
    n_won = sum(a < b for b, a in zip(*ranks, strict=True))
    n_lost = sum(a > b for b, a in zip(*ranks, strict=True))
    print(f"{len(task.pairs.train)} pairs trained, {len(task.pairs.held_out)} held out")
    for name, is_liked in zip(("before", "after"), liked, strict=True):
        rate = share(sum(is_liked), len(is_liked))
        print(f"replies that the rule likes, {name}: {rate.shown('.1%')}")
    for name, each in zip(("before", "after"), texts, strict=True):
        n_banned = sum(args.banned in text for text in each)
        print(f"{name}: mean {statistics.mean(map(len, each)):.1f} characters, {n_banned} banned")
    print(f"a reply after beats one before: {share(n_won, n_won + n_lost).shown('.1%')}")
    print(f"chosen likelier, before: {report.likelier_before.shown('.1%')}")
    print(f"chosen likelier, after: {report.likelier_after.shown('.1%')}")
    print(f"moved towards the chosen: {report.moved.shown('.1%')}")
    print(f"bits per byte, before: {report.bits_before.shown('.4f')}")
    print(f"bits per byte, after: {report.bits_after.shown('.4f')}")
    print(f"change: {report.worse.shown('+.2%')}")
    print(f"verdict: {report.objections(config.preferences.max_worse) or 'better'}")


if __name__ == "__main__":
    main()
