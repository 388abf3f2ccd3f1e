"""Turn organized exports into tokens of the base and loss masks in data/sft/."""

import argparse
import json
from pathlib import Path

from chatbot.cli.commands import preprocess as of_our_own
from chatbot.cli.screen import say
from chatbot.corpus.hf_tokenizer import BaseTokenizer
from chatbot.corpus.speakers import Speakers
from chatbot.corpus.store import SPLITS, Corpus, open_corpus, session_bounds
from chatbot.corpus.template import parse_turns
from chatbot.settings.schema import Config
from chatbot.storage.files import atomic_write

_MANY_UNKNOWN = 0.001


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --show and --show-masked."""
    of_our_own.add_arguments(parser)


def run(args: argparse.Namespace, config: Config) -> None:
    """Read, clean, cut, number the speakers, write with the base's tokenizer."""
    if args.show is not None:
        _show_frames(open_corpus(config.processed_dir))
        of_our_own.show(config, args.show)
        return
    if args.show_masked:
        of_our_own.show_masked(config)
        return
    of_our_own.build(config, lambda speakers: _targets(speakers, config))
    _tell_unknown(open_corpus(config.processed_dir))
    write_wanted_jsonl(config)


def _show_frames(corpus: Corpus) -> None:
    """Print what stands around the turns of the samples that follow."""
    if not isinstance(corpus.tokenizer, BaseTokenizer):
        return
    form = corpus.tokenizer.form
    print(f"form {form.kind}; before every session: {form.prefix!r}")
    if form.opening:
        print(f"the first turn of speaker 1 begins with {form.opening!r}")
    for speaker, (head, tail) in enumerate(zip(form.heads, form.tails, strict=True)):
        print(f"speaker {speaker}: {head!r} ... {tail!r}")


def write_wanted_jsonl(config: Config) -> None:
    """Write train.jsonl and val.jsonl beside the tokens, if the settings want them."""
    wanted = config.pretrained
    if not wanted.writes_jsonl or wanted.stage == "cpt":
        return
    corpus = open_corpus(config.processed_dir)
    for split in SPLITS:
        _write_jsonl(corpus, split, config.processed_dir / f"{split}.jsonl")


def _targets(speakers: Speakers, config: Config) -> list[of_our_own.Target]:
    """Return where tokens go: plain text for the first stage, if it is chosen, and replies."""
    from chatbot.model.pretrained.hub import Base
    from chatbot.model.pretrained.tokenizer import base_tokenizer, without_speakers

    base = Base(config.pretrained.base, Path(config.root))
    tokenizer, sentence = base_tokenizer(base, speakers.n_speakers)
    say(f"{base.name}: {sentence}")
    targets: list[of_our_own.Target] = []
    if config.before is not None:
        targets.append((config.before, without_speakers(tokenizer)))
    return [*targets, (config, tokenizer)]


def _tell_unknown(corpus: Corpus) -> None:
    if not isinstance(corpus.tokenizer, BaseTokenizer) or corpus.tokenizer.unknown_id is None:
        return
    tokens = corpus.train.tokens
    n_unknown = int((tokens == corpus.tokenizer.unknown_id).sum())
    if n_unknown > _MANY_UNKNOWN * len(tokens):
        say(f"warning: the base cannot write {n_unknown / len(tokens):.1%} of the log's tokens")


def _write_jsonl(corpus: Corpus, split: str, path: Path) -> None:
    """Write the sessions of a split as messages by role; speaker 0 is the assistant.

    Weight 0 marks what is context only, as other programs write it.
    """
    store = corpus.train if split == "train" else corpus.val
    bounds = zip(*session_bounds(store.tokens, corpus.tokenizer.bos_id), strict=True)
    with atomic_write(path) as file:
        for begin, end in bounds:
            session = store.tokens[begin:end], store.loss_mask[begin:end]
            talk = [
                {"role": "assistant" if turn.speaker == 0 else "user", "content": turn.text}
                | ({"name": str(turn.speaker)} if corpus.tokenizer.n_speakers > 2 else {})
                | ({"weight": 0} if turn.is_context_only else {})
                for turn in parse_turns(*session, corpus.tokenizer)
            ]
            file.write(json.dumps({"messages": talk}, ensure_ascii=False).encode() + b"\n")
