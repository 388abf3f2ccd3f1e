"""Statistics of a room -> a table of its speakers, and a private HTML page."""

from collections import Counter
from collections.abc import Iterator

from chatbot.evaluation.html_page import (
    Words,
    bar_chart,
    binned,
    document,
    item,
    read_words,
    table,
)
from chatbot.evaluation.room import RoomStatistics, SpeakerCounts, quantile

_N_SPEAKERS = 12
_N_WORDS = 8
_N_EMOJI = 3
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200)  # lower bounds of session lengths
WEEKDAYS = tuple("월화수목금토일")


def speaker_rows(statistics: RoomStatistics) -> Iterator[tuple[str, ...]]:
    """Yield what the most active speakers write, in the order of `SPEAKER_HEADS`."""
    n_messages = max(1, statistics.n_messages)
    for name, speaker in statistics.most_active(_N_SPEAKERS):
        words = statistics.words.most_common(name, _N_WORDS)
        emoji = statistics.emoji.most_common(name, _N_EMOJI)
        yield (
            name,
            f"{speaker.n_messages:,}",
            f"{speaker.n_messages / n_messages:.0%}",
            f"{speaker.chars_per_message:.0f}",
            *(_share(n, speaker) for n in (speaker.n_laughs, speaker.n_tears, speaker.n_questions)),
            reply_text(speaker),
            burst_text(speaker),
            f"{speaker.n_opened:,}",
            " ".join(word for word, _ in words),
            " ".join(f"{sign} {n:,}" for sign, n in emoji),
        )


SPEAKER_HEADS = (
    "speaker", "messages", "share", "chars", "ㅋㅋ", "ㅠㅠ", "?", "replies", "bursts", "opened",
    "words", "emoji",
)  # fmt: skip


def _share(n: int, speaker: SpeakerCounts) -> str:
    return f"{n / max(1, speaker.n_messages):.0%}"


def reply_text(speaker: SpeakerCounts) -> str:
    """Return the time within which half, and 90 %, of a speaker's replies come."""
    return f"{_within(speaker.reply_seconds, 0.5)} / {_within(speaker.reply_seconds, 0.9)}"


def burst_text(speaker: SpeakerCounts) -> str:
    """Return how many messages a turn has on average, and within what half of the next come."""
    size = speaker.n_messages / max(1, speaker.n_turns)
    return f"{size:.1f}, {_within(speaker.burst_seconds, 0.5)}"


def _within(counts: Counter[int], share: float) -> str:
    seconds = quantile(counts, share)
    if seconds is None:
        return "-"
    # Most exports know minutes only.
    return f"{seconds / 60:.0f} min" if seconds >= 60 else "<1 min"


def session_bars(statistics: RoomStatistics) -> list[tuple[str, float]]:
    """Return the number of sessions by their length in messages."""
    return binned(statistics.session_sizes, _SIZES)


def silence_rows(statistics: RoomStatistics) -> list[tuple[str, str, str]]:
    """Return the longest silences: their length, when they began, and who ended them."""
    return [
        (
            f"{silence.length.total_seconds() / 86_400:.1f} d",
            f"{silence.begin:%Y-%m-%d %H:%M}",
            silence.broken_by,
        )
        for silence in statistics.silences
    ]


def account_rows(statistics: RoomStatistics) -> list[tuple[str, str, str]]:
    """Return what becomes of the messages: what, by which rule, how many."""
    rows = [("seen", "", f"{statistics.n_seen:,}"), ("kept", "", f"{statistics.n_messages:,}")]
    for name, counts in (("dropped", statistics.dropped), ("context", statistics.context_only)):
        rows += [(name, rule, f"{n:,}") for rule, n in counts.most_common()]
    if statistics.n_merged:
        rows.append(("merged", "several exports", f"{statistics.n_merged:,}"))
    return rows


def room_page(statistics: RoomStatistics) -> str:
    """Return the statistics as a self-contained HTML page, in Korean and English."""
    words = read_words("room_page.yaml")
    parts = [f"<h1>{words['title']}</h1><p>{words['lead']}</p>", _summary(statistics, words)]
    heads = [words["speakers"][head] for head in SPEAKER_HEADS]
    parts.append(f"<h2>{words['who']}</h2>{table(heads, speaker_rows(statistics))}")
    hours = [(str(hour), float(statistics.by_hour[hour])) for hour in range(24)]
    days = [(name, float(statistics.by_weekday[day])) for day, name in enumerate(WEEKDAYS)]
    charts = {"hours": hours, "weekdays": days, "sessions": session_bars(statistics)}
    for name, values in charts.items():
        unit = words["n_sessions" if name == "sessions" else "n_messages"]
        parts.append(f"<h2>{words[name]}</h2>{bar_chart(values, unit)}")
    silences = table(words["silence_heads"], silence_rows(statistics))
    parts.append(f"<h2>{words['silences']}</h2>{silences}")
    rows = [
        (words["account"][kind], words["rules"].get(rule, rule), n)
        for kind, rule, n in account_rows(statistics)
    ]
    parts.append(f"<h2>{words['kept']}</h2>{table(words['account_heads'], rows)}")
    return document(words["title"], parts, words["style"])


def _summary(statistics: RoomStatistics, words: Words) -> str:
    sessions = statistics.session_sizes
    lines = [
        f"{words['n_messages']}: {statistics.n_messages:,}",
        f"{words['n_sessions']}: {sessions.total():,}",
        f"{words['n_speakers']}: {len(statistics.speakers):,}",
    ]
    if statistics.begin is not None and statistics.end is not None:
        lines.append(f"{statistics.begin:%Y-%m-%d} ~ {statistics.end:%Y-%m-%d}")
    return f"<ul>{''.join(map(item, lines))}</ul>"
