"""The training messages nearest to a reply."""

import pytest

from chatbot.corpus.store import open_corpus, remove_corpus
from chatbot.errors import CorpusError
from chatbot.retrieval.provenance import open_sources


def test_a_trained_message_is_nearest_to_itself(processed):
    folder = processed.config().processed_dir
    source = open_sources(folder).nearest("오늘 뭐함", 5)[0]
    again = open_sources(folder).nearest(source.text, 1)[0]
    assert again.similarity == pytest.approx(1, abs=1e-5)
    assert source.session >= 1 and source.speaker in (0, 1)


def test_the_index_stands_among_the_data_and_goes_with_it(processed):
    folder = processed.config().processed_dir
    open_sources(folder)
    assert (folder / "search").is_dir()
    assert processed.run("preprocess") == 0  # replaces the folder, and does not refuse it
    open_sources(folder)
    open_corpus(folder)
    remove_corpus(folder)
    assert not folder.exists()


def test_without_data_there_is_nothing_to_explain(tmp_path):
    with pytest.raises(CorpusError, match="no processed data"):
        open_sources(tmp_path)
