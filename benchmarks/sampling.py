"""Sampling settings -> how near their replies are to what people answered, on held-out sessions.

`python benchmarks/sampling.py --root PROJECT [--replies N]`: every arm answers the same turns after
their real past. Columns: chrF (character n-grams 1-4, F2) with the real reply, the same with
another real reply (what sounding alike is worth), Jensen-Shannon divergence of syllable pairs
from the real replies' (the row "people": other real replies), different pairs per pair beside
theirs, length beside theirs, share of replies that say some 6 characters twice.
"""

import argparse
import json
import random
import statistics
from collections import Counter
from collections.abc import Sequence
from math import log2
from pathlib import Path

import msgspec
from tqdm import tqdm

from chatbot.corpus.store import Corpus, open_corpus, session_bounds
from chatbot.corpus.template import Turn, parse_turns
from chatbot.inference.bot import Bot
from chatbot.inference.generate import Prefix
from chatbot.inference.loading import bot_settings, find_model, language_model, open_model
from chatbot.settings.load import load_config
from chatbot.settings.schema import Config, SamplingConfig

ARMS: dict[str, dict[str, float]] = {
    "t 0.7 k 40 p 0.9 rep 1.1 (before)": {
        "temperature": 0.7, "top_k": 40, "top_p": 0.9, "min_p": 0.0, "repetition_penalty": 1.1,
    },
    "greedy": {"temperature": 0.0, "repetition_penalty": 1.0},
    "t 0.5": {"temperature": 0.5},
    "t 0.7": {"temperature": 0.7},
    "t 0.85": {"temperature": 0.85},
    "t 1": {"temperature": 1.0},
    "t 0.85 min-p 0.05": {"temperature": 0.85, "min_p": 0.05},
    "t 1 min-p 0.05": {"temperature": 1.0, "min_p": 0.05},
    "t 1 min-p 0.1": {"temperature": 1.0, "min_p": 0.1},
    "t 1 min-p 0.2": {"temperature": 1.0, "min_p": 0.2},
    "t 0.7 p 0.9": {"temperature": 0.7, "top_p": 0.9},
    "t 0.7 rep 1.1": {"temperature": 0.7, "repetition_penalty": 1.1},
    "t 0.7 no-repeat 4": {"temperature": 0.7, "no_repeat_ngram": 4},
    "t 0.7 best of 4": {"temperature": 0.7, "candidates": 4},
    "t 1 best of 4": {"temperature": 1.0, "candidates": 4},
    "t 0.85 min-p 0.05 rep 1.1": {
        "temperature": 0.85, "min_p": 0.05, "repetition_penalty": 1.1,
    },
    "t 1 min-p 0.05 rep 1.1": {"temperature": 1.0, "min_p": 0.05, "repetition_penalty": 1.1},
}  # fmt: skip
PLAIN = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0}


def held_out_replies(corpus: Corpus, n: int) -> list[tuple[list[Turn], str]]:
    """Return evenly spread (past, reply of number 0) of the held-out sessions."""
    found = []
    tokens = corpus.val.tokens
    for begin, end in zip(*session_bounds(tokens, corpus.tokenizer.bos_id), strict=True):
        mask = corpus.val.loss_mask[begin:end]
        turns = list(parse_turns(tokens[begin:end], mask, corpus.tokenizer))
        found += [
            (turns[:index], turn.text)
            for index, turn in enumerate(turns)
            if index and not turn.speaker and not turn.is_context_only
        ]
    return found[:: max(1, len(found) // n)][:n]


def grams(text: str, n: int) -> Counter[str]:
    """Count the character n-grams of a text."""
    return Counter(text[i : i + n] for i in range(len(text) - n + 1))


def chrf(said: str, real: str) -> float:
    """Character n-gram F2 of orders 1 to 4, as chrF++ without words (Popović 2015)."""
    scores = []
    for n in range(1, 5):
        one, other = grams(said, n), grams(real, n)
        if not one or not other:
            continue
        common = (one & other).total()
        precision, recall = common / one.total(), common / other.total()
        scores.append(5 * precision * recall / (4 * precision + recall) if common else 0.0)
    return statistics.fmean(scores) if scores else 0.0


def divergence(one: Sequence[str], other: Sequence[str]) -> float:
    """Jensen-Shannon divergence, in bits, of the pairs of characters of two sets of texts."""
    counts = [sum((grams(text, 2) for text in texts), Counter()) for texts in (one, other)]
    totals = [count.total() for count in counts]
    result = 0.0
    for pair in counts[0] | counts[1]:
        p, q = (count[pair] / total for count, total in zip(counts, totals, strict=True))
        result += sum(x * log2(2 * x / (p + q)) / 2 for x in (p, q) if x)
    return result


def measure(said: list[str], real: list[str]) -> dict[str, float]:
    """Return the columns of one arm."""

    def variety(texts: list[str]) -> float:
        pairs = sum((grams(text, 2) for text in texts), Counter())
        return len(pairs) / pairs.total()

    moved = [*real[7:], *real[:7]]
    return {
        "chrf": statistics.fmean(map(chrf, said, real)),
        "chrf_of_another": statistics.fmean(map(chrf, said, moved)),
        "divergence": divergence(said, real),
        "variety": variety(said) / variety(real),
        "length": sum(map(len, said)) / sum(map(len, real)),
        "loops": statistics.fmean(max(grams(t, 6).values(), default=1) > 1 for t in said),
    }


def answers(
    config: Config, arm: dict[str, float], asked: list[tuple[list[Turn], str]]
) -> list[str]:
    """Answer every past with the settings of one arm."""
    sampling = msgspec.convert({**PLAIN, "seed": 0, **arm}, SamplingConfig)
    settings = bot_settings(config.__class__(sampling=sampling, output=config.output))
    model = language_model(open_model(find_model(config), config), config)
    corpus_tokenizer = open_corpus(config.processed_dir).tokenizer
    bot = Bot(Prefix(model), corpus_tokenizer, settings)
    said = []
    for past, _ in tqdm(asked, leave=False):
        bot.history = list(past)
        said.append(bot.reply().text)
    return said


def main() -> None:
    """Measure every arm; print a table and one JSON line each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--replies", type=int, default=400)
    parser.add_argument("--only", action="append", help="an arm's name; may be repeated")
    args = parser.parse_args()
    config = load_config(args.root)
    corpus = open_corpus(config.processed_dir)
    asked = held_out_replies(corpus, args.replies)
    real = [reply for _, reply in asked]
    people = list(real)
    random.Random(0).shuffle(people)  # noqa: S311
    half = len(people) // 2
    apart = divergence(people[:half], people[half:])
    print(f"{len(asked)} replies; people beside people: {apart:.3f}")
    for name, arm in ARMS.items():
        if args.only and name not in args.only:
            continue
        said = answers(config, arm, asked)
        found = measure(said, real)
        print(f"{name:34}", *(f"{value:7.3f}" for value in found.values()), flush=True)
        print(json.dumps({"arm": name, **found}))


if __name__ == "__main__":
    main()
