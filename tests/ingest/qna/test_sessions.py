"""Rows of tables -> sessions: all accounted for, in time order, masked, split by time."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.conversation import CUSTOMER, DESK
from chatbot.corpus.pipeline import build_corpus
from chatbot.corpus.speakers import number_speakers, read_speakers
from chatbot.errors import CorpusError
from chatbot.ingest.organize.forgetting import ForgetRule, message_id, rules_path, write_rules
from chatbot.ingest.pipeline import read_sessions
from chatbot.ingest.qna.prompts import QuestionForm
from chatbot.settings.schema import Config, PreprocessConfig, ProcessedConfig
from tests.ingest.qna.desks import days, write_table

NO_MASKS = PreprocessConfig(mask_personal=False)


def config_of(folder, *names, rules=NO_MASKS):
    return Config(
        root=str(folder),
        processed=ProcessedConfig(tables=list(names or ("a.csv",)), preprocess=rules),
    )


def sessions_of(config):
    with read_sessions(config) as rooms:
        (spool,) = rooms.spools
        return rooms.account, list(spool)


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", "a", "b", "언제 와요?", "...", "x" * 4200]),
        st.sampled_from(["", "c", "d", "내일 갑니다.", "...", "y" * 4200]),
        st.integers(0, 5) | st.none(),
    ),
    min_size=1,
    max_size=12,
)


@given(rows=ROWS)
def test_every_row_is_a_session_or_dropped_for_a_reason(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("desk")
    write_table(folder / "a.csv", [("가", "나", 0), *((q, a, day) for q, a, day in rows)])
    account, sessions = sessions_of(config_of(folder))
    (table,) = account.tables.values()
    assert table.n_rows == len(rows) + 1 == table.n_kept + sum(table.dropped.values())
    assert table.n_kept == len(sessions)
    texts = [tuple(message.text for message in session.messages) for session in sessions]
    usable = {
        (q, a) for q, a, _ in rows if q in "ab언제 와요?" and a in "cd내일 갑니다." and q and a
    }
    assert Counter(texts) == Counter({("가", "나"), *usable})
    speakers = {tuple(message.speaker for message in session.messages) for session in sessions}
    assert speakers == {(CUSTOMER, DESK)}
    times = [session.messages[0].sent_at for session in sessions]
    dated = [at for at in times if at is not None]
    assert dated == sorted(dated) and times[len(times) - len(dated) :] == dated


def test_an_answer_in_many_rows_is_data_and_a_row_that_recurs_is_counted(tmp_path):
    answer = "반품은 받으신 날부터 7일 안에 접수해 주시면 됩니다. 택배 기사님이 찾아갑니다. " * 2
    rows = [(f"{number}번 상품도 반품되나요?", answer, number % 9) for number in range(200)]
    write_table(tmp_path / "a.csv", rows)
    write_table(tmp_path / "b.csv", rows[:50])
    account, sessions = sessions_of(config_of(tmp_path, "a.csv", "b.csv"))
    assert len(sessions) == 200 and {s.messages[1].kind for s in sessions} == {"message"}
    dropped = Counter()
    for table in account.tables.values():
        dropped.update(table.dropped)
    assert dropped == {"repeated": 50}


@pytest.mark.parametrize(
    ("questions", "form"),
    [
        (["[배송] [고객문의] 언제?", "[배송] [고객문의] 왜?"], QuestionForm("고객문의", "배송")),
        (["[배송] [고객문의] 언제?", "[환불] [고객문의] 왜?"], QuestionForm("고객문의")),
        (["[고객문의] 언제?", "[고객문의] 왜?"], QuestionForm("고객문의")),
        (["[고객문의] 언제?", "왜?"], QuestionForm()),
    ],
)
def test_a_corpus_says_how_its_questions_are_asked(tmp_path, questions, form):
    write_table(tmp_path / "a.csv", [(question, "네.", 1) for question in questions])
    account, _ = sessions_of(config_of(tmp_path))
    assert account.question == form


def test_the_latest_rows_are_held_out_wherever_they_stand(project):
    write_table(project.root / "a.csv", [*days(100, 160), *days(0, 100)])
    stats = build_corpus(project.config("processed.tables=[a.csv]", "processed.rooms=none"))
    assert stats.splits["val"].n_sessions == 16 and stats.splits["train"].n_sessions == 144
    with read_sessions(project.config("processed.tables=[a.csv]")) as rooms:
        shown = [session.messages[0].text for session in rooms.spools[0]]
    assert shown == [question for question, _, _ in days(0, 160)]


def test_rows_are_masked_and_one_row_asks_nothing_of_the_next(project):
    rows = [
        ("비밀번호가 뭐였죠?", "메일을 보세요", 1),
        ("4821이 주문한 개수예요", "네", 2),
        ("제 번호는 010-2345-6789예요", "확인했어요", 3),
    ]
    write_table(project.root / "a.csv", rows)
    account, sessions = sessions_of(project.config("processed.tables=[a.csv]"))
    assert sessions[1].messages[0].text == rows[1][0]
    assert "010-2345-6789" not in sessions[2].messages[0].text
    assert account.masked == {"phone": 1}


def test_forgotten_rows_stay_out(tmp_path):
    write_table(tmp_path / "a.csv", days(0, 120))
    config = config_of(tmp_path)
    question, answer, _ = days(110, 111)[0]
    _, sessions = sessions_of(config)
    message = next(m for s in sessions for m in s.messages if m.text == question)
    write_rules(
        rules_path(config),
        [ForgetRule("before", "2025-01-11"), ForgetRule("message", message_id(message))],
    )
    account, sessions = sessions_of(config)
    assert account.tables["table1"].dropped == {"forgotten": 11} and len(sessions) == 109
    assert question not in {m.text for s in sessions for m in s.messages} and answer


def test_a_table_without_a_usable_row_is_an_error(tmp_path):
    (tmp_path / "a.csv").write_text("question,answer\n,\nwhy?,\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="no usable row: 2 rows, 2 unanswered") as caught:
        sessions_of(config_of(tmp_path))
    assert "question,answer" in caught.value.hint
    assert not list(tmp_path.glob("data/*.part"))
    with pytest.raises(CorpusError, match="no table at"):
        sessions_of(config_of(tmp_path, "b.csv"))


@pytest.mark.parametrize("people", [{"가람": 9, "다온": 8}, {"가람": 9, "다온": 8, "라온": 7}])
def test_the_desk_is_the_persona_beside_rooms_too(people):
    counts = {**people, DESK: 90, CUSTOMER: 90}
    speakers = number_speakers(counts, None, PreprocessConfig())
    assert speakers.persona == "가람"
    assert (speakers.number_of(DESK), speakers.number_of(CUSTOMER)) == (0, 1)
    assert speakers.n_speakers == (2 if len(people) == 2 else 4)
    numbers = [speakers.number_of(name) for name in people]
    assert numbers == ([0, 1] if len(people) == 2 else [0, 2, 3])


@pytest.mark.slow
def test_a_room_and_a_table_train_one_bot(processed):
    write_table(processed.root / "a.csv", days(0, 120))
    rooms_only = json.loads((processed.root / "data/processed/stats.json").read_text())
    assert processed.run("preprocess", "--set", "processed.tables=[a.csv]") == 0
    stats = json.loads((processed.root / "data/processed/stats.json").read_text())
    assert stats["messages"]["kept"] == rooms_only["messages"]["kept"]
    assert stats["tables"]["table1"]["n_kept"] == 120 and stats["n_speakers"] == 2
    assert read_speakers(processed.root / "data/processed").persona == "도윤"
