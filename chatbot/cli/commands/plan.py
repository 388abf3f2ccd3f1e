"""Say before training what will happen: parameters, memory, time, how good it may get."""

import argparse
import math
import time
from typing import TYPE_CHECKING

from chatbot.cli.arguments import not_negative
from chatbot.cli.screen import advance, duration, print_rows, progress, say, size_text
from chatbot.settings.schema import Config
from chatbot.wording import render

if TYPE_CHECKING:
    from chatbot.corpus.store import Corpus
    from chatbot.training.batches import BatchSource
    from chatbot.training.curve import Forecast, ShortRun
    from chatbot.training.interface import Blueprint

_TRIED_STEPS = 4
_MEAGRE = 0.03  # bits per byte that twice the log would gain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --minutes."""
    parser.add_argument(
        "--minutes",
        type=not_negative,
        default=5.0,
        help="most time for short runs on parts of the log; 0: none (default: 5)",
    )


def run(args: argparse.Namespace, config: Config) -> None:
    """Print the plan; nothing is written."""
    from chatbot.corpus.store import open_corpus
    from chatbot.evaluation.ngram import ngram_losses
    from chatbot.training.families import training_family
    from chatbot.training.prepare import plan_steps, train_source

    corpus = open_corpus(config.processed_dir)
    resolved = training_family(config).resolve(config, corpus)
    why, description, _ = resolved.sentences
    say(why)
    source = train_source(resolved.config, corpus, corpus.train)
    plan = plan_steps(resolved.config, source)
    seconds_a_step = _seconds_a_step(resolved, source)
    counted = ngram_losses(corpus)
    rows = [
        ("model", description),
        ("log", f"{len(corpus.train.tokens):,} tokens, vocabulary {corpus.stats.vocab_size:,}"),
        ("memory", f"{size_text(resolved.need_bytes)} and what PyTorch itself takes"),
        ("steps", f"{plan.max_steps:,} ({plan.n_epochs:.1f} times through the log)"),
        ("time", f"about {duration(seconds_a_step * plan.max_steps)}"),
    ]
    runs, n_least = _affordable(corpus, resolved, 60 * args.minutes / seconds_a_step)
    found = _forecast(corpus, resolved, runs) if runs else None
    if found is None:
        minutes = math.ceil(n_least * seconds_a_step / 60)
        rows.append(
            (
                "expected",
                f"less than the {counted.bigram_bpb:.2f} bits/byte of counting pairs; "
                f"`chatbot plan --minutes {minutes}` measures by short runs",
            )
        )
    else:
        rows.append(
            (
                "expected",
                f"{found.expected:.2f} bits/byte of reply ({found.low:.2f} to {found.high:.2f}); "
                f"counting words gives {counted.unigram_bpb:.2f}, pairs {counted.bigram_bpb:.2f}",
            )
        )
        rows.append(("log enough?", _verdict(found)))
    print_rows([(name, render(value)) for name, value in rows])


def _seconds_a_step(resolved: "Blueprint", source: "BatchSource") -> float:
    """Time a few real steps."""
    from chatbot.training.loop import train_steps
    from chatbot.training.prepare import make_state

    config, compute = resolved.config, resolved.compute
    state = make_state(resolved)
    steps = train_steps(state, source, config.optimization, compute, 1 + _TRIED_STEPS)
    _ = next(steps).loss  # the first one warms up
    began, tokens = time.perf_counter(), 0
    for result in steps:
        tokens += result.n_tokens
        _ = result.loss
    rate = tokens / (time.perf_counter() - began)
    tokens_a_batch = source.n_positions(0) / source.n_batches(0)
    return tokens_a_batch * config.optimization.grad_accum_steps / rate


def _affordable(
    corpus: "Corpus", resolved: "Blueprint", n_steps: float
) -> "tuple[list[ShortRun], int]":
    """Return short runs on shares of the log that fit into so many steps; none if none do.

    And the steps of the shortest that were tried.
    """
    from chatbot.training.curve import SHARES, plan_short_run

    shares = SHARES
    while True:
        runs = [plan_short_run(corpus, resolved, share) for share in shares]
        n_needed = sum(run.max_steps for run in runs)
        if n_needed <= n_steps:
            return runs, n_needed
        shares = tuple(share / 2 for share in shares)
        if shares[0] * len(corpus.train.tokens) < 10 * int(resolved.config.model.block_size):
            return [], n_needed


def _forecast(corpus: "Corpus", resolved: "Blueprint", runs: "list[ShortRun]") -> "Forecast":
    from chatbot.training.curve import forecast, measure_point

    bar = progress(sum(run.max_steps for run in runs), "short runs")
    points = []
    for run in runs:
        points.append(measure_point(run, corpus, resolved, lambda: advance(bar)))
        say(f"{run.share:.1%} of the log: {points[-1].bits_per_byte:.3f} bits/byte")
    bar.close()
    return forecast(points, len(corpus.train.tokens))


def _verdict(found: "Forecast") -> str:
    gain = f"twice the log would gain {found.doubling:.2f} bits/byte"
    if found.doubling > _MEAGRE:
        return f"no: {gain}; more exports, or a pretrained base, would serve better"
    return f"yes: {gain}"
