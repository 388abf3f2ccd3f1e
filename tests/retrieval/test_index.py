"""Laws of the index of rows."""

import os
import stat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.errors import ConfigError, CorpusError
from chatbot.retrieval.index import Row, build_index, open_index
from chatbot.retrieval.terms import character_terms, same_letters, searchable, split_keys

TEXTS = st.lists(st.text("가나다배송환불 ?ab", max_size=12), min_size=1, max_size=12)
DESK = ("배송은 얼마나 걸려요?", "환불하고 싶어요", "교환은 어떻게 하나요", "영업시간 알려주세요")


def rows_of(texts):
    return [Row(str(place), text, f"answer {place}") for place, text in enumerate(texts)]


def indexed(folder, texts, kind="ngrams"):
    build_index(folder / "index", rows_of(texts), kind, "data")
    return open_index(folder / "index", "data", "chatbot qna index")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("laws")


@settings(max_examples=40)
@given(TEXTS)
def test_an_index_gives_back_its_rows_in_order(folder, texts):
    assert list(indexed(folder, texts).rows()) == rows_of(texts)


@settings(max_examples=40)
@given(TEXTS)
def test_a_text_is_nearest_to_a_row_with_its_letters(folder, texts):
    index = indexed(folder, texts)
    for text in filter(same_letters, texts):
        nearest = index.search(text, 1)[0]
        assert nearest.similarity == pytest.approx(1.0, abs=1e-5)
        assert sorted(same_letters(nearest.row.text)) == sorted(same_letters(text))


@settings(max_examples=40)
@given(TEXTS, st.text("가나다배송환불 ?ab", max_size=8), st.integers(1, 5))
def test_a_shorter_search_begins_a_longer_one(folder, texts, question, n):
    index = indexed(folder, texts)
    longer = index.search(question, n + 3)
    assert index.search(question, n) == longer[:n]
    assert all(0 < match.similarity <= 1 for match in longer)


@given(st.text(max_size=8), st.text("?!. ~", max_size=3))
def test_signs_and_capital_letters_do_not_count(text, signs):
    assert searchable(f"{signs}{searchable(text)}{signs}") == searchable(text)
    assert same_letters(f"{text}{signs}") == same_letters(text)


@given(TEXTS)
def test_terms_of_a_text_do_not_depend_on_its_neighbours(texts):
    hashes, places = split_keys(character_terms(texts))
    for place, text in enumerate(texts):
        alone, _ = split_keys(character_terms([text]))
        assert np.array_equal(np.sort(hashes[places == place]), np.sort(alone))


def test_a_question_with_bad_spaces_is_understood(tmp_path):
    index = indexed(tmp_path, DESK)
    assert index.search("배송 은얼마나걸려 요", 1)[0].row.id == "0"
    assert index.search("영업시간알려줘", 1)[0].row.id == "3"


@settings(max_examples=40)
@given(TEXTS, st.text("가나다배송환불ab", min_size=1, max_size=8), st.integers(0, 8))
def test_spaces_never_change_what_is_near(folder, texts, question, place):
    index = indexed(folder, texts)
    spaced = f"{question[:place]} {question[place:]}"
    assert index.search(spaced, 3) == index.search(question, 3)


def test_a_question_without_a_known_letter_has_no_neighbour(tmp_path):
    index = indexed(tmp_path, DESK)
    assert index.search("???", 3) == index.search("qwxz", 3) == index.search("", 3) == []


def test_rows_without_letters_are_indexed_and_never_near(tmp_path):
    assert indexed(tmp_path, ["...", "!!"]).search("배송", 3) == []


def test_an_index_of_other_data_is_refused(tmp_path):
    indexed(tmp_path, DESK)
    with pytest.raises(CorpusError, match="of other data") as error:
        open_index(tmp_path / "index", "changed", "chatbot qna index")
    assert "chatbot qna index" in error.value.hint


def test_a_missing_or_damaged_index_is_an_error(tmp_path):
    with pytest.raises(CorpusError, match="no index"):
        open_index(tmp_path / "index", "data", "chatbot qna index")
    indexed(tmp_path, DESK)
    (tmp_path / "index/index.json").write_bytes(b"{")
    with pytest.raises(CorpusError, match="damaged"):
        open_index(tmp_path / "index", "data", "chatbot qna index")


def test_no_rows_are_an_error_and_leave_the_previous_index(tmp_path):
    indexed(tmp_path, DESK)
    with pytest.raises(CorpusError, match="no row"):
        build_index(tmp_path / "index", [], "ngrams", "data")
    assert len(open_index(tmp_path / "index", "data", "c")) == len(DESK)
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_folder_with_other_files_is_never_replaced(tmp_path):
    (tmp_path / "index").mkdir()
    (tmp_path / "index/mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="no index"):
        build_index(tmp_path / "index", rows_of(DESK), "ngrams", "data")
    assert (tmp_path / "index/mine.txt").exists()


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_no_other_user_can_read_an_index(tmp_path):
    indexed(tmp_path, DESK)
    paths = [tmp_path / "index", *(tmp_path / "index").iterdir()]
    assert not any(stat.S_IMODE(path.stat().st_mode) & 0o077 for path in paths)


def test_many_rows_are_indexed_in_batches(tmp_path):
    texts = [f"{DESK[place % 4]} {place}번" for place in range(5000)]
    index = indexed(tmp_path, texts)
    assert len(index) == 5000
    assert index.search(texts[4999], 1)[0].row.id == "4999"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["kiwi", "both"])
def test_morphemes_find_other_endings(tmp_path, kind):
    pytest.importorskip("kiwipiepy", reason="needs chatbot[morphemes]")
    assert indexed(tmp_path, DESK, kind).search("환불했으면 하는데", 1)[0].row.id == "1"
