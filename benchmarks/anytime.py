"""What stopping at any time costs: a stopped run, cooled down, against one planned for that length.

`python benchmarks/anytime.py --root PROJECT [--share S]`: the default run is stopped after a share
of its steps and trains the branch of `chatbot stop --cooldown`; the other run has exactly as many
steps, and its schedule was planned for them. Reply bits per byte of both.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from averages import averaged_gpt
from compare import bits_per_byte, held_out, measure

from chatbot.corpus.store import open_corpus
from chatbot.settings.load import load_config
from chatbot.training.folder import RunFolder
from chatbot.training.loop import train_steps
from chatbot.training.optimizer import branch_steps, cool_down
from chatbot.training.prepare import prepare
from chatbot.training.recipe import recipe_of, with_steps


def main() -> None:
    """Train both and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path("data/demo"))
    parser.add_argument("--share", type=float, default=0.4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    config = load_config(args.root, (f"runtime.seed={args.seed}", "runtime.device=cpu"))
    corpus = open_corpus(config.processed_dir)
    val, sizes = held_out(corpus), corpus.tokenizer.token_sizes

    def trained(network: Any) -> float:
        return bits_per_byte(measure(network, val, sizes))

    with tempfile.TemporaryDirectory() as folder:
        made = prepare(config, corpus, RunFolder(Path(folder)), None)
        settings, state = made.plan.optimization, made.state
        stop = round(args.share * made.plan.max_steps)
        steps = train_steps(state, made.sources[0], settings, made.compute)
        for result in steps:
            if result.step == stop:
                break
        before = trained(averaged_gpt(state))
        falling = cool_down(settings, stop, branch_steps(stop))
        for _ in train_steps(state, made.sources[0], falling, made.compute):
            pass
        cooled, end = trained(averaged_gpt(state)), falling.max_steps
        planned = prepare(config, corpus, RunFolder(Path(folder)), None)
        short = with_steps(recipe_of(planned.config.optimization), end)
        for _ in train_steps(planned.state, planned.sources[0], short, planned.compute):
            pass
        wanted = trained(averaged_gpt(planned.state))
    print(f"stopped at step {stop} of {made.plan.max_steps}: {before:.4f} bits/byte")
    print(f"cooled down to step {end}: {cooled:.4f}")
    print(f"planned for {end} steps: {wanted:.4f}; penalty {cooled - wanted:+.4f}")


if __name__ == "__main__":
    main()
