"""The corpora of a pretrained base, in its own tokens."""

from pathlib import Path

from chatbot.corpus.packing import CorpusSpec, spec_of
from chatbot.corpus.speakers import Speakers
from chatbot.listener import SILENCE, Listener
from chatbot.model.pretrained.hub import Base
from chatbot.model.pretrained.tokenizer import base_tokenizer, without_speakers
from chatbot.settings.schema import Config


def corpus_specs(
    config: Config, speakers: Speakers, listener: Listener = SILENCE
) -> list[CorpusSpec]:
    """Return the corpora for fine-tuning a base: replies, and plain text for the first stage."""
    base = Base(config.pretrained.base, Path(config.root))
    tokenizer, sentence = base_tokenizer(base, speakers.n_speakers)
    listener.say(f"{base.name}: {sentence}")
    before = config.before
    first = [] if before is None else [spec_of(before, without_speakers(tokenizer))]
    return [*first, spec_of(config, tokenizer)]
