"""Does `chatbot eval` recognize a bot that imitates its person? On rooms made of public dialogues.

`python benchmarks/imitation.py --songys ChatbotData.csv [--xpersona KO.json ...] [--minutes M]`

1. Attribution tells two people of one room apart: the share of held-out bags given to their writer,
   by size of bag. Songys: one asks, one answers. Xpersona: who begins, who answers.
2. A room whose two members differ only in style: neighbouring answers of songys, alternately as
   they are (해요) and rewritten by rules into 반말, ㅋㅋ. A model is trained on each, for a step
   and for minutes; bags of its replies are given to the persona, the other member, or nobody.
3. Reply bits per byte of both models on the held-out replies of both members.
"""

import argparse
import csv
import json
import random
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np

from chatbot.cli.invented_room import write_android_export
from chatbot.cli.main import main as run_program
from chatbot.conversation import Message
from chatbot.corpus.store import Corpus, open_corpus
from chatbot.corpus.template import Turn
from chatbot.evaluation.authorship import BAG_SIZES, Authors, fit_authors
from chatbot.evaluation.held_out import held_out_replies
from chatbot.evaluation.imitation import References, flat, messages_of_turns
from chatbot.evaluation.intervals import Estimate, share
from chatbot.evaluation.metrics import N_PAST_TOKENS
from chatbot.evaluation.model_run import HeldOut
from chatbot.inference.loading import load_bot, open_model, open_network, run_model_path
from chatbot.inference.scoring import item_of, reply_logits, token_log_probabilities
from chatbot.settings.load import load_config
from chatbot.settings.schema import Config

FORMAL, CASUAL = "하늘", "바다"
_SESSION = 8  # messages
_BEGIN = datetime(2020, 1, 3, 9, 0)
# Endings, in the order in which they are tried.
_RULES = (
    (re.compile("습니까"), "음"),
    (re.compile("습니다"), "음"),
    (re.compile("이에요$|예요$"), "임"),
    (re.compile("(세|셔)요$"), "셈"),
    (re.compile("(죠|지요)$"), "지"),
    (re.compile("요$"), ""),
)
_NIDA = re.compile("([가-힣])(니다|니까)$")
_FINAL_BIEUP, _FINAL_MIEUM = 17, 16  # of the Hangul syllables in Unicode


def casual(text: str) -> str:
    """Rewrite a sentence in 해요 or 합쇼 style.

    >>> casual("좋은 생각이에요."), casual("감사합니다."), casual("먹었습니다")
    ('좋은 생각임 ㅋㅋ', '감사함 ㅋㅋ', '먹었음 ㅋㅋ')
    """
    sentences = [part.strip() for part in re.split("[.?!~]+", text) if part.strip()]
    return " ".join(_without_politeness(part) for part in sentences) + " ㅋㅋ"


def _without_politeness(sentence: str) -> str:
    for rule, ending in _RULES:
        if rule.search(sentence):
            return rule.sub(ending, sentence)
    if match := _NIDA.search(sentence):
        code = ord(match[1]) - ord("가")
        if code % 28 == _FINAL_BIEUP:
            nominal = chr(ord("가") + code - _FINAL_BIEUP + _FINAL_MIEUM)
            return sentence[: match.start()] + nominal
    return sentence


# ---------------------------------------------------------------- rooms
def timed(sessions: Sequence[Sequence[tuple[str, str]]]) -> Iterator[Message]:
    """Give (speaker, text) a time: a day between sessions."""
    for number, session in enumerate(sessions):
        now = _BEGIN + timedelta(days=number)
        for speaker, text in session:
            now += timedelta(minutes=1)
            yield Message(speaker, text, now)


def songys(path: Path) -> list[tuple[str, str]]:
    """Read questions and answers."""
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["Q"].strip(), row["A"].strip()) for row in csv.DictReader(file)]


def style_room(pairs: Sequence[tuple[str, str]], rng: random.Random) -> list[list[tuple[str, str]]]:
    """Return sessions of neighbouring answers, alternately of two styles."""
    answers = list(dict.fromkeys(answer for _, answer in pairs))
    sessions = []
    for begin in range(0, len(answers) - _SESSION, _SESSION):
        first, texts = rng.randrange(2), answers[begin : begin + _SESSION]
        sessions.append(
            [
                (FORMAL, text) if (first + place) % 2 else (CASUAL, casual(text))
                for place, text in enumerate(texts)
            ]
        )
    return rng.sample(sessions, len(sessions))


def project_of(root: Path, sessions: Sequence[Sequence[tuple[str, str]]], persona: str) -> Path:
    """Make a project with an organized room, and return its folder."""
    inbox = root / "data/raw/inbox"
    inbox.mkdir(parents=True)
    (inbox / "KakaoTalkChats.txt").write_bytes(write_android_export(timed(sessions)))
    run(root, persona, "organize")
    run(root, persona, "preprocess")
    return root


def settings_of(persona: str) -> tuple[str, ...]:
    """Return the settings of a room: everything is learned about one member."""
    return (
        f"processed.preprocess.persona={persona}",
        "processed.preprocess.targets=persona",
        "runtime.device=cpu",
        "runtime.dtype=float32",
        "processed.preprocess.vocab_size=1500",
        "model.n_layer=2",
        "model.n_head=4",
        "model.n_embd=128",
        "model.block_size=128",
        "optimization.batch_size=8",
        "sampling.seed=0",
    )


def run(root: Path, persona: str, command: str, *more: str) -> None:
    """Run a command of the program."""
    pairs = [part for one in (*settings_of(persona), *more) for part in ("--set", one)]
    if run_program([command, "--root", str(root), *pairs]):
        raise SystemExit(f"{command} failed")


def config_of(root: Path, persona: str) -> Config:
    """Return the settings of a project."""
    return load_config(root, settings_of(persona))


# ---------------------------------------------------------------- attribution
def accuracy(authors: Authors, name: str, messages: Sequence[str], size: int) -> Estimate:
    """Return how many bags of a size are given to an author."""
    bags = [messages[begin : begin + size] for begin in range(0, len(messages), size)]
    whole = [bag for bag in bags if len(bag) == size]
    return share(sum(authors.author_of(bag) == name for bag in whole), len(whole))


def print_row(name: str, cells: Sequence[Estimate]) -> None:
    """Print a row of shares."""
    shown = (f"{c.value:.0%} ({c.low:.0%}-{c.high:.0%})" if c.n else "-" for c in cells)
    print(f"{name:<34}" + "".join(f"{text:>19}" for text in shown))


def print_attribution(name: str, speakers: dict[str, list[str]]) -> None:
    """Fit on the first nine tenths of the messages of two people, and print the accuracy."""
    rng = random.Random(0)  # noqa: S311
    cuts = {who: len(texts) * 9 // 10 for who, texts in speakers.items()}
    authors = fit_authors({who: texts[: cuts[who]] for who, texts in speakers.items()}, rng)
    for who, texts in speakers.items():
        later = rng.sample(texts[cuts[who] :], len(texts) - cuts[who])
        print_row(f"{name}: {who}", [accuracy(authors, who, later, n) for n in BAG_SIZES])


def xpersona(paths: Sequence[Path]) -> dict[str, list[str]]:
    """Read who begins and who answers."""
    pairs = [
        pair
        for path in paths
        for dialogue in json.loads(path.read_text(encoding="utf-8"))
        for pair in dialogue["dialogue"]
    ]
    return {
        who: [text for text in texts if text != "__SILENCE__"]
        for who, texts in zip(("begins", "answers"), zip(*pairs, strict=True), strict=True)
    }


# ---------------------------------------------------------------- models
def bot_of(root: Path, persona: str) -> Callable[[Sequence[Turn]], str]:
    """Return what replies to a past."""
    config = config_of(root, persona)
    bot = load_bot(run_model_path(config), config)

    def reply(past: Sequence[Turn]) -> str:
        bot.history = list(past)
        return bot.reply().text

    return reply


def reply_bits(root: Path, persona: str, corpus: Corpus, n: int) -> float:
    """Return the bits per byte that a model needs for the held-out replies of a corpus' persona."""
    config = config_of(root, persona)
    bundle = open_model(run_model_path(config), config)
    network = open_network(bundle, config)
    network.eval()
    model, tokenizer = network.language_model(), bundle.tokenizer
    room = min(N_PAST_TOKENS, model.context_length)
    items = [
        item_of(reply.past, reply.turn, tokenizer, room)
        for reply in islice(held_out_replies(corpus), n)
    ]
    nats = n_bytes = 0.0
    for item, logits in reply_logits(model, items):
        sizes = tokenizer.token_sizes[np.array(item.reply)]
        nats -= float(token_log_probabilities(logits, item.reply)[sizes > 0].sum())
        n_bytes += int(sizes.sum())
    return nats / np.log(2) / n_bytes


def print_bags(name: str, replies: Sequence[str], references: References) -> None:
    """Print to whom bags of replies are given, by size."""
    texts = messages_of_turns(replies)
    for author in references.authors.names:
        cells = [accuracy(references.authors, author, texts, n) for n in BAG_SIZES]
        print_row(f"{name}: taken for {author}", cells)


def print_styles(roots: dict[str, Path], n_replies: int) -> None:
    """Print what models trained on each member sound like, and what they expect."""
    corpora = {who: open_corpus(config_of(root, who).processed_dir) for who, root in roots.items()}
    for who, root in roots.items():
        held_out = HeldOut.of(corpora[who], n_replies)
        assert held_out.references is not None
        later = flat(held_out.references.later)
        print_bags(f"{who}, the member later", later, held_out.references)
        reply = bot_of(root, who)
        replies = [reply(each.past) for each in held_out.own]
        print_bags(f"{who}, the bot", replies, held_out.references)
    for who, root in roots.items():
        bits = [reply_bits(root, who, corpus, n_replies) for corpus in corpora.values()]
        shown = ", ".join(f"of {n} {b:.3f}" for n, b in zip(corpora, bits, strict=True))
        print(f"bits per byte of replies, trained on {who}: {shown}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--songys", type=Path, required=True)
    parser.add_argument("--xpersona", type=Path, nargs="*", default=[])
    parser.add_argument("--minutes", type=float, default=3, help="of training each model")
    parser.add_argument("--replies", type=int, default=200)
    args = parser.parse_args()
    pairs, rng = songys(args.songys), random.Random(0)  # noqa: S311
    print(f"{'share given to their writer':<34}" + "".join(f"{n:>19}" for n in BAG_SIZES))
    questions, answers = zip(*rng.sample(pairs, len(pairs)), strict=True)
    print_attribution("songys", {"asks": list(questions), "answers": list(answers)})
    if args.xpersona:
        print_attribution("xpersona", xpersona(args.xpersona))
    sessions = style_room(pairs, rng)
    with tempfile.TemporaryDirectory() as name:
        roots = {who: project_of(Path(name) / who, sessions, who) for who in (FORMAL, CASUAL)}
        for who, root in roots.items():
            run(root, who, "train", "optimization.max_steps=1")
        print("after a single step")
        print_styles(roots, args.replies)
        for who, root in roots.items():
            run(root, who, "train", f"optimization.max_minutes={args.minutes}")
        print(f"after {args.minutes:g} minutes of training each")
        print_styles(roots, args.replies)


if __name__ == "__main__":
    main()
