"""chat.md of signal-export: lines as it writes them."""

from chatbot.ingest.readers import find_parts
from tests.ingest.readers.reading import at, read_lines_of


def test_quotes_reactions_and_attachments_are_no_part_of_a_text(tmp_path):
    messages, account = read_lines_of(
        tmp_path,
        "[2026-10-02 09:01:05] Me: 산책 갈래?",
        "[2026-13-02 09:01:06] 나래: 없는 달",
        "[2026-10-02 09:02:00] 나래: ",
        "",
        "> 산책 갈래?",
        "",
        "응: 지금",
        "> 내가 쓴 꺾쇠",
        "[2026-10-02 09:03:00] 나래: 네! (- Me: 👍, 다온: ❤ -)",
        "[2026-10-02 09:04:00] 나래: ![a b.jpg](./media/나래/a b.jpg)",
        "[2026-10-02 09:05:00] 나래: 여기 ![a.jpg](./media/a.jpg)",
        "[2026-10-02 09:06:00] 나래: (( 🐱 ))",
    )
    assert [(m.speaker, m.text, m.media) for m in messages] == [
        ("Me", "산책 갈래?\n[2026-13-02 09:01:06] 나래: 없는 달", ""),
        ("나래", "응: 지금\n> 내가 쓴 꺾쇠", ""),
        ("나래", "네!", ""),
        ("나래", "![a b.jpg](./media/나래/a b.jpg)", "photo"),
        ("나래", "여기", ""),
        ("나래", "(( 🐱 ))", "emoticon"),
    ]
    assert messages[0].sent_at == at(2026, 10, 2, 9, 1, 5)
    assert account.lines["continuation"] == 6


def test_the_old_form_and_its_reader_are_told(tmp_path):
    messages, _ = read_lines_of(tmp_path, "[2019-05-29, 15:04] 나래: 응")
    assert messages[0].sent_at == at(2019, 5, 29, 15, 4)
    assert find_parts(tmp_path / "x.txt")[0].reader.name == "signal_md"


def test_a_swedish_whatsapp_is_not_taken_for_signal(tmp_path):
    read_lines_of(tmp_path, "[2026-10-02 09:01:05] 나래: 응", "[2026-10-02 09:01:05] 다온: 응")
    assert find_parts(tmp_path / "x.txt")[0].reader.name == "whatsapp"
