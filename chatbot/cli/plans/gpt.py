"""A corpus -> the cost and the expected quality of training our own GPT on it."""

import math

from chatbot.cli.screen import advance, duration, print_rows, progress, say, size_text
from chatbot.corpus.store import Corpus, open_corpus
from chatbot.evaluation.ngram import ngram_losses
from chatbot.settings.schema import Config
from chatbot.training.curve import (
    Forecast,
    ShortRun,
    affordable_runs,
    forecast,
    measure_point,
    seconds_per_step,
)
from chatbot.training.families import training_family
from chatbot.training.interface import Blueprint
from chatbot.training.prepare import plan_steps, train_source
from chatbot.wording import render

OPTION = "minutes"  # option of `plan`, which becomes the argument of `show`
_LEAST_GAIN = 0.03  # bits per byte that twice the corpus would gain


def show(config: Config, minutes: float = 5.0) -> None:
    """Print the plan, with short runs of at most `minutes`."""
    corpus = open_corpus(config.processed_dir)
    blueprint = training_family(config).resolve(config, corpus)
    why, description, _ = blueprint.sentences
    say(why)
    source = train_source(blueprint, corpus, corpus.train)
    plan = plan_steps(blueprint, source)
    seconds = seconds_per_step(blueprint, source)
    rows = [
        ("model", description),
        ("log", f"{len(corpus.train.tokens):,} tokens, vocabulary {corpus.stats.vocab_size:,}"),
        ("memory", f"{size_text(blueprint.need_bytes)} and what PyTorch itself takes"),
        ("steps", f"{plan.max_steps:,} ({plan.n_epochs:.1f} epochs)"),
        ("time", f"about {duration(seconds * plan.max_steps)}"),
    ]
    runs, n_least = affordable_runs(corpus, blueprint, 60 * minutes / seconds)
    rows += _expectation(corpus, blueprint, runs, math.ceil(n_least * seconds / 60))
    print_rows([(name, render(value)) for name, value in rows])


def _expectation(
    corpus: Corpus, blueprint: Blueprint, runs: list[ShortRun], least_minutes: int
) -> list[tuple[str, str]]:
    """Describe the expected quality; `least_minutes`: duration of the shortest runs."""
    baseline = ngram_losses(corpus)
    if not runs:
        return [
            (
                "expected",
                f"less than the bigram baseline's {baseline.bigram_bpb:.2f} bits/byte; "
                f"`chatbot plan --minutes {least_minutes}` measures by short runs",
            )
        ]
    expected = _forecast(corpus, blueprint, runs)
    gain = f"twice as many messages would gain {expected.doubling:.2f} bits/byte"
    verdict = f"yes: {gain}"
    if expected.doubling > _LEAST_GAIN:
        verdict = f"no: {gain}; more exports, or a pretrained base, would serve better"
    return [
        (
            "expected",
            f"{expected.expected:.2f} bits/byte of reply ({expected.low:.2f} to "
            f"{expected.high:.2f}); unigram baseline {baseline.unigram_bpb:.2f}, bigram baseline "
            f"{baseline.bigram_bpb:.2f}",
        ),
        ("enough messages?", verdict),
    ]


def _forecast(corpus: Corpus, blueprint: Blueprint, runs: list[ShortRun]) -> Forecast:
    bar = progress(sum(run.max_steps for run in runs), "short runs")
    points = []
    for run in runs:
        points.append(measure_point(run, corpus, blueprint, lambda: advance(bar)))
        say(f"{run.share:.1%} of the corpus: {points[-1].bits_per_byte:.3f} bits/byte")
    bar.close()
    return forecast(points, len(corpus.train.tokens))
