"""The corpus of our own network: its tokenizer is trained on the room."""

from chatbot.corpus.packing import CorpusSpec, spec_of
from chatbot.corpus.speakers import Speakers
from chatbot.listener import SILENCE, Listener
from chatbot.settings.schema import Config


def corpus_specs(
    config: Config, speakers: Speakers, listener: Listener = SILENCE
) -> list[CorpusSpec]:
    """Return the only corpus of our own network."""
    del speakers, listener
    return [spec_of(config)]
