"""What differential privacy costs: `python benchmarks/differential_privacy.py --root PROJECT`.

DP-SGD (Abadi 2016) on processed data: sessions drawn by Poisson sampling, each session's gradient
clipped to length 1, Gaussian noise on their sum, Adam. The unit is one session, added or removed;
delta is n_sessions^-1.1, epsilon is counted by `dp-accounting` (`pip install dp-accounting`).
Favourable to the private arms: the vocabulary comes from the same data without noise, which is not
in epsilon. Prints held-out nats per token and reply bits per
byte beside counting words, and beside the default recipe with --epochs.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch

from chatbot.corpus.store import Corpus, TokenStore, open_corpus, session_bounds
from chatbot.errors import CorpusError
from chatbot.evaluation.ngram import ngram_losses
from chatbot.model.gpt.config import resolve_shape
from chatbot.model.gpt.network import GPT
from chatbot.model.interface import Network, trained_weights
from chatbot.settings.load import load_config
from chatbot.settings.schema import Config, ModelConfig, ObjectiveConfig
from chatbot.training.batches import Batch, BatchSource
from chatbot.training.folder import RunFolder
from chatbot.training.loop import Compute, EvalResult, averaged, evaluate, train_steps
from chatbot.training.loss import MaskedLoss
from chatbot.training.prepare import prepare

CONTEXT = 256
SHAPES = {
    "nano": ModelConfig(size="nano", dropout=0, input_masking=0),
    "tiny": ModelConfig(size="nano", n_layer=2, n_head=2, n_embd=64, dropout=0, input_masking=0),
}
EVERYTHING = 1 << 30
REPLIES = ObjectiveConfig(loss_mode="response_only", speaker_weight=0)
COMPUTE = Compute(torch.device("cpu"), torch.bfloat16, seed=0)


@dataclass(frozen=True)
class Schedule:
    """How many sessions are drawn, how often, and at which rate Adam follows them."""

    n_steps: int
    sampling_rate: float
    learning_rate: float
    decay: float = 0.95  # of the average of the weights, which is what is measured


def noise_for(epsilon: float, delta: float, schedule: Schedule) -> float:
    """Return the least noise, in clipping lengths, that spends no more than epsilon."""
    if math.isinf(epsilon):
        return 0.0
    import dp_accounting
    from dp_accounting.pld import PLDAccountant

    def event(noise: float) -> dp_accounting.DpEvent:
        step = dp_accounting.GaussianDpEvent(noise)
        sampled = dp_accounting.PoissonSampledDpEvent(schedule.sampling_rate, step)
        return dp_accounting.SelfComposedDpEvent(sampled, schedule.n_steps)

    bracket = dp_accounting.ExplicitBracketInterval(0.2, 100.0)
    return dp_accounting.calibrate_dp_mechanism(PLDAccountant, event, epsilon, delta, bracket)


def sessions_of(corpus: Corpus) -> list[Batch]:
    """Return every training session with all its pieces: (pieces, T) each."""
    tokens, mask = np.asarray(corpus.train.tokens), np.asarray(corpus.train.loss_mask)
    sessions = []
    for start, end in zip(*session_bounds(tokens, corpus.tokenizer.bos_id), strict=True):
        store = TokenStore(tokens[start:end], mask[start:end])
        try:
            source = BatchSource(store, corpus.tokenizer, ObjectiveConfig(), CONTEXT, EVERYTHING)
        except CorpusError:  # nothing in it is trained: its gradient is zero, but it counts
            sessions.append(Batch(*(np.zeros((1, 1), dtype=np.int64),) * 3))
            continue
        sessions += source.in_order(EVERYTHING)
    return sessions


def private_steps(
    model: GPT, sessions: list[Batch], schedule: Schedule, noise: float
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield the averaged weights after each step."""
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    weights = trained_weights(model)
    optimizer = torch.optim.Adam(weights.values(), lr=schedule.learning_rate, betas=(0.9, 0.98))
    average = {name: weight.detach().clone() for name, weight in weights.items()}
    model.train()
    for step in range(schedule.n_steps):
        total = [torch.zeros_like(weight) for weight in weights.values()]
        for index in np.flatnonzero(rng.random(len(sessions)) < schedule.sampling_rate):
            _add_clipped(total, model, sessions[index])
        for weight, gradient in zip(weights.values(), total, strict=True):
            gradient += noise * torch.randn(gradient.shape, generator=generator)
            weight.grad = gradient / (schedule.sampling_rate * len(sessions))
        optimizer.param_groups[0]["lr"] = schedule.learning_rate * min(1, (step + 1) / 10)
        optimizer.step()
        decay = min(schedule.decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.values()), list(weights.values()), 1 - decay)
        yield average


def _add_clipped(total: list[torch.Tensor], model: GPT, session: Batch) -> None:
    """Add one session's gradient, shortened to length 1 if it is longer."""
    if not session.weights.any():
        return
    with torch.autocast("cpu", COMPUTE.dtype):
        loss = MaskedLoss(model)(session) / float(session.weights.sum())
    gradients = torch.autograd.grad(loss, list(trained_weights(model).values()))
    length = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))
    torch._foreach_add_(total, gradients, alpha=min(1.0, 1 / max(length, 1e-12)))


def measure(model: Network, corpus: Corpus) -> EvalResult:
    """Measure on all held-out replies."""
    source = BatchSource(corpus.val, corpus.tokenizer, REPLIES, CONTEXT, 8 * CONTEXT)
    return evaluate(model, source, corpus.tokenizer, COMPUTE, EVERYTHING)


def train_privately(
    corpus: Corpus, sessions: list[Batch], shape: str, schedule: Schedule, epsilon: float
) -> str:
    """Train one arm and return its row."""
    began = time.monotonic()
    delta = len(sessions) ** -1.1
    noise = noise_for(epsilon, delta, schedule)
    model = GPT(resolve_shape(SHAPES[shape], corpus.stats.vocab_size, "nano"))
    model.init_weights(torch.Generator().manual_seed(0))
    average = {}
    for average in private_steps(model, sessions, schedule, noise):  # noqa: B007
        pass
    model.load_state_dict(average)
    result = measure(model, corpus)
    return (
        f"{shape} {model.config.n_params / 1e6:.2f} M, epsilon {epsilon:g}, noise {noise:.2f}, "
        f"{schedule.n_steps} steps of {schedule.sampling_rate * len(sessions):.0f} sessions, rate "
        f"{schedule.learning_rate:g}: {result.loss:.3f} nats, {result.bits_per_byte:.3f} bits/byte "
        f"({time.monotonic() - began:.0f} s)"
    )


def train_openly(config: Config, corpus: Corpus, n_epochs: float) -> str:
    """Train the default recipe and return its row."""
    optimization = msgspec.structs.replace(config.optimization, max_epochs=n_epochs)
    config = msgspec.structs.replace(config, optimization=optimization)
    with tempfile.TemporaryDirectory() as folder:
        run = prepare(config, corpus, RunFolder(Path(folder)))
        for _ in train_steps(run.state, run.sources[0], run.plan.optimization, run.compute):
            pass
    with averaged(run.state) as model:
        result = measure(model, corpus)
    return f"default recipe, {run.plan.n_epochs:.1f} epochs: {result.loss:.3f} nats, " + (
        f"{result.bits_per_byte:.3f} bits/byte"
    )


def main() -> None:
    """Train the arms and print their rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path("data/demo"))
    parser.add_argument("--shapes", nargs="+", default=["tiny"], choices=SHAPES)
    parser.add_argument("--epsilons", nargs="+", type=float, default=[8, 50, math.inf])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--drawn", type=float, default=270, help="sessions a step, on average")
    parser.add_argument("--rates", nargs="+", type=float, default=[5e-3])
    parser.add_argument("--epochs", type=float, default=0, help="of the default recipe; 0: none")
    args = parser.parse_args()
    config = load_config(args.root, ("runtime.device=cpu", "model.size=nano"))
    corpus = open_corpus(config.processed_dir)
    counted = ngram_losses(corpus)
    print(f"unigram {counted.unigram:.3f} nats, {counted.unigram_bpb:.3f} bits/byte")
    print(f"bigram {counted.bigram:.3f} nats, {counted.bigram_bpb:.3f} bits/byte")
    sessions = sessions_of(corpus)
    print(f"{len(sessions)} sessions, delta {len(sessions) ** -1.1:.1e}", flush=True)
    if args.epochs:
        print(train_openly(config, corpus, args.epochs), flush=True)
    for shape in args.shapes:
        for rate in args.rates:
            schedule = Schedule(args.steps, min(1, args.drawn / len(sessions)), rate)
            for epsilon in args.epsilons:
                row = train_privately(corpus, sessions, shape, schedule, epsilon)
                print(row, flush=True)


if __name__ == "__main__":
    main()
