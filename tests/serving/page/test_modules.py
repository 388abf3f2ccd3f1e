"""What the page computes without showing it: streams, turns, and what undo and retry remove."""

import json
import random
from itertools import pairwise

import pytest

from tests.serving.page.scripted import PASSWORD

pytestmark = pytest.mark.slow
STREAM = ': reading 1/2\r\n\ndata: {"가": "나🙌"}\n\ndata:둘\r\n\r\n: \nevent: x\ndata: [DONE]\n\n'
LINES = [
    ["comment", "reading 1/2"], ["data", '{"가": "나🙌"}'], ["data", "둘"], ["comment", ""],
    ["data", "[DONE]"],
]  # fmt: skip


@pytest.fixture
def module(address, new_page):
    """Return what runs a script with the exports of a module of the page."""
    page = new_page()
    page.goto(address)

    def run(name, script, given=None):
        return page.evaluate(
            f"async (given) => {{ const it = await import('/page/ui/{name}.js'); {script} }}",
            given,
        )

    return run


def test_stream_reads_the_same_however_it_is_cut(module):
    read_all = """
      async function* pieces(cuts) {
        let start = 0;
        for (const cut of [...cuts, given.bytes.length]) {
          yield new Uint8Array(given.bytes.slice(start, cut));
          start = cut;
        }
      }
      return Promise.all(given.cuts.map(async (cuts) => {
        const lines = [];
        for await (const {kind, text} of it.streamLines(pieces(cuts))) lines.push([kind, text]);
        return JSON.stringify(lines);
      }));
    """
    content = STREAM.encode()
    rng = random.Random(3)  # noqa: S311 no secret
    cuts = [[i] for i in range(len(content))] + [list(range(len(content)))]
    cuts += [sorted(rng.sample(range(len(content)), 6)) for _ in range(100)]
    read = module("sse", read_all, {"bytes": list(content), "cuts": cuts})
    assert set(read) == {json.dumps(LINES, ensure_ascii=False, separators=(",", ":"))}


def conversations(n):
    rng = random.Random(5)  # noqa: S311 no secret
    for _ in range(n):
        speakers = rng.choices([None, "a", "b"], k=rng.randrange(12))
        yield [
            {"id": i, "persona": speaker, "text": f"{i}", "at": 1000 * i}
            for i, speaker in enumerate(speakers)
        ]


def test_turns_hold_every_message_in_order_and_alternate(module):
    for messages, turns in zip(
        conversations(100),
        module("conversation", "return given.map(it.turnsOf)", list(conversations(100))),
        strict=True,
    ):
        spoken = [(turn["persona"], text) for turn in turns for text in turn["text"].split("\n")]
        assert spoken == [(m["persona"], m["text"]) for m in messages]
        assert all(a["persona"] != b["persona"] for a, b in pairwise(turns))


def test_long_conversations_are_cut_to_their_latest_turns(module):
    messages = [
        {"id": i, "persona": (None, "a")[i % 2], "text": f"{i} " + "말" * 300, "at": i}
        for i in range(200)
    ]
    turns = module("conversation", "return it.turnsOf(given)", messages)
    assert 10 < len(turns) <= 60 and turns[-1]["text"].startswith("199 ")
    assert sum(len(turn["text"]) for turn in turns) <= 12000
    huge = [{"id": 0, "persona": None, "text": "말" * 50000, "at": 0}]
    assert len(module("conversation", "return it.turnsOf(given)", huge)) == 1


def test_undo_removes_a_question_with_its_answers_and_retry_the_last_answer(module):
    script = "return given.map((all) => [it.lastExchange(all), it.lastReply(all)])"
    given = list(conversations(200))
    for messages, (exchange, reply) in zip(
        given, module("conversation", script, given), strict=True
    ):
        speakers = [m["persona"] for m in messages]
        kept = speakers[: len(messages) - len(exchange)]
        assert exchange == messages[len(kept) :] and reply == messages[len(messages) - len(reply) :]
        assert not kept or kept[-1] is not None
        assert len({m["persona"] for m in reply} - {None}) == bool(reply)
        assert bool(reply) == bool(speakers and speakers[-1] is not None)


def test_name_of_a_history_tells_nothing_about_the_room(module):
    script = """return given.map((personas) =>
      new it.ServerBackend(personas, 'ab12').storageKey)"""
    rooms = [[{"id": "우리 가족방", "name": "엄마"}], [{"id": "other", "name": ""}]]
    names = module("server", script, rooms)
    assert len(set(names)) == 2 and all(name.startswith("ab12-") for name in names)
    assert all(name.isascii() and "other" not in name and PASSWORD not in name for name in names)
