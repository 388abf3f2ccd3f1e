"""A room that several processes read is the room that one reads, and none of them is left over."""

import multiprocessing
import os
import signal
from itertools import islice

import pytest

from chatbot.corpus.packing import spec_of
from chatbot.corpus.pipeline import build_corpora
from chatbot.errors import CorpusError, ExportError
from chatbot.ingest import workers
from chatbot.ingest.cleaning.rules import Preparation
from chatbot.ingest.organize.rooms import RoomTally, open_rooms
from chatbot.ingest.workers import Reading, choose_processes, prepare_room

N_PROCESSES = (1, 2, 3)
SEALED = "masked.age"  # encrypted anew each time


def endless(frames):
    while True:
        yield b"frame"


def forwarded(frames):
    yield from frames


def killed(frames):
    yield b"frame"
    os.kill(os.getpid(), signal.SIGKILL)


def reading_of(config):
    (room,) = open_rooms(config)
    return Reading(room, config, Preparation(config.processed.preprocess))


def content_of(project, n_processes):
    config = project.config()
    build_corpora(config, lambda _: [spec_of(config)], n_most_processes=n_processes)
    return {
        path.name: path.read_bytes()
        for path in config.processed_dir.iterdir()
        if path.name != SEALED
    }


def in_parts(export):
    """Two exports of one room: the middle third is in both."""
    lines = export.splitlines(keepends=True)
    return b"".join(lines[: 2 * len(lines) // 3]), b"".join([*lines[:3], *lines[len(lines) // 3 :]])


@pytest.mark.slow
@pytest.mark.parametrize("split", [lambda export: [export], in_parts], ids=["file", "files"])
def test_any_number_of_processes_writes_the_same_bytes(project, export, split, monkeypatch):
    monkeypatch.setattr(workers, "MIN_MESSAGES", 0)
    monkeypatch.setattr(workers, "_BATCH", 16)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    for number, part in enumerate(split(export)):
        project.add_export(f"KakaoTalkChats_{number + 1}.txt", part)
    assert project.run("organize") == 0
    first, *others = [content_of(project, n) for n in N_PROCESSES]
    assert len(first) >= 8 and others == [first, first]


@pytest.mark.slow
def test_all_counts_are_those_of_one_process(processed):
    tallies = []
    for n_processes in N_PROCESSES:
        tallies.append(RoomTally())
        batches = prepare_room(reading_of(processed.config()), tallies[-1], n_processes)
        assert sum(map(len, batches)) == sum(tallies[-1].n_read.values()) > 0
    assert tallies[0] == tallies[1] == tallies[2]


@pytest.mark.slow
def test_an_error_is_the_same_in_every_process(processed):
    config = processed.config()
    reading = reading_of(config)
    config.path(reading.room.exports[0].path).unlink()
    errors = []
    for n_processes in N_PROCESSES:
        with pytest.raises(ExportError) as caught:
            list(prepare_room(reading, RoomTally(), n_processes))
        errors.append((str(caught.value), caught.value.hint))
    assert errors[0][1] and errors == errors[:1] * 3


@pytest.mark.slow
def test_no_process_outlives_the_reading():
    with workers._started([endless, forwarded]) as frames:
        assert next(frames) and len(multiprocessing.active_children()) == 2
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_a_killed_process_is_an_error():
    with workers._started([killed]) as frames, pytest.raises(CorpusError, match="too early"):
        list(frames)
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_an_interrupt_is_left_to_the_first_process():
    with workers._started([endless]) as frames:
        next(frames)
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGINT)
        assert len(list(islice(frames, 5_000))) == 5_000
    assert not multiprocessing.active_children()


def test_a_process_without_a_reader_ends(monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    receiver, sender = multiprocessing.Pipe(duplex=False)
    receiver.close()
    workers._run(endless, None, sender)
    sender.close()


def test_a_small_room_is_read_by_one_process(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert choose_processes(workers.MIN_MESSAGES - 1, n_most=8) == 1
    assert choose_processes(workers.MIN_MESSAGES, n_most=8) == 2
    assert choose_processes(workers.MIN_MESSAGES, n_most=1) == 1
