"""The messages of a room, read and prepared by other processes than the one that uses them.

The processes are stages of one stream, not parts of the file: what a line is depends on the lines
before it, so an export has no boundary at which a second reader could begin with the same result.
Order, and so every byte that is written, does not depend on the number of processes. Pipes hold a
batch or two: memory does not grow, and a process whose reader has ended ends at its next batch.
"""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection

import msgspec

from chatbot.conversation import Message
from chatbot.errors import ChatbotError, CorpusError
from chatbot.ingest.cleaning.rules import Preparation, Prepared
from chatbot.ingest.organize.rooms import Room, RoomTally, read_room
from chatbot.settings.schema import Config

MIN_MESSAGES = 50_000  # below, starting a process costs about what it saves
_MOST_PROCESSES = 3  # reading, preparing, and what needs all earlier messages
_BATCH = 256

# What is sent: packed messages, then the tally; an error ends a stream, so does None.
Frame = bytes | RoomTally | ChatbotError | OSError | None
Frames = Iterator[bytes | RoomTally]


@dataclass(frozen=True)
class Reading:
    """A room to read, and how its messages are prepared."""

    room: Room
    config: Config
    preparation: Preparation

    def batches(self, tally: RoomTally) -> Iterator[list[Message]]:
        """Yield the messages of the room in lists."""
        messages = read_room(self.room.exports, self.room.aliases, self.config, tally)
        while batch := list(islice(messages, _BATCH)):
            yield batch

    def prepared(self, tally: RoomTally) -> Iterator[list[Prepared]]:
        """Yield the prepared messages of the room in lists."""
        return map(self.preparation.prepare, self.batches(tally))


def choose_processes(n_messages: int, n_most: int) -> int:
    """Return how many processes read so many messages: one for a small room, else one per core."""
    if n_messages < MIN_MESSAGES or multiprocessing.current_process().daemon:
        return 1
    return min(n_most, os.cpu_count() or 1, _MOST_PROCESSES)


def prepare_room(reading: Reading, tally: RoomTally, n_processes: int) -> Generator[list[Prepared]]:
    """Yield the prepared messages of a room in order; `tally` is complete at the end.

    Close the iterator to end the other processes. Raises what reading raises, in any of them.
    """
    if n_processes == 1:
        yield from reading.prepared(tally)
        return
    decode = msgspec.msgpack.Decoder(list[Prepared]).decode
    with _started(_stages(reading, n_processes)) as frames:
        for frame in frames:
            if isinstance(frame, RoomTally):
                tally.take(frame)
            else:
                yield decode(frame)


# ---------------------------------------------------------------- stages, each in its process
Stage = Callable[[Frames], Frames]


@dataclass(frozen=True)
class _Read:
    """The stage that reads a room."""

    reading: Reading

    def __call__(self, frames: Frames) -> Frames:
        del frames
        tally = RoomTally()
        yield from map(msgspec.msgpack.encode, self.reading.batches(tally))
        yield tally


@dataclass(frozen=True)
class _Prepare:
    """The stage that prepares the messages of another one."""

    preparation: Preparation

    def __call__(self, frames: Frames) -> Frames:
        decode = msgspec.msgpack.Decoder(list[Message]).decode
        for frame in frames:
            if isinstance(frame, RoomTally):
                yield frame
            else:
                yield msgspec.msgpack.encode(self.preparation.prepare(decode(frame)))


@dataclass(frozen=True)
class _ReadAndPrepare:
    """Both stages in one process."""

    reading: Reading

    def __call__(self, frames: Frames) -> Frames:
        del frames
        tally = RoomTally()
        yield from map(msgspec.msgpack.encode, self.reading.prepared(tally))
        yield tally


def _stages(reading: Reading, n_processes: int) -> list[Stage]:
    """Return the stages of all processes but this one."""
    if n_processes == 2:
        return [_ReadAndPrepare(reading)]
    return [_Read(reading), _Prepare(reading.preparation)]


@contextlib.contextmanager
def _started(stages: Iterable[Stage]) -> Iterator[Frames]:
    """Run stages in processes, each fed by the one before; leaving the context ends them."""
    # A forked process would inherit threads' locks, and pipes that then never close.
    context = multiprocessing.get_context("spawn")
    processes = []
    source: Connection | None = None
    try:
        for stage in stages:
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_run, args=(stage, source, sender), daemon=True)
            processes.append(process)
            process.start()
            # Only the two processes at its ends hold a pipe, so that the end of one is seen.
            sender.close()
            if source is not None:
                source.close()
            source = receiver
        yield _received(source)
    finally:
        if source is not None:
            source.close()
        for process in processes:
            if process.pid is not None:
                process.terminate()
                process.join()


def _run(stage: Stage, source: Connection | None, target: Connection) -> None:
    """Run a stage in this process, and send what it yields, then the error or None."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all: the first process decides
    with contextlib.suppress(BrokenPipeError):  # nobody listens any more
        try:
            for frame in stage(_received(source)):
                target.send(frame)
        except BrokenPipeError:
            raise
        except (ChatbotError, OSError) as error:
            target.send(error)
        else:
            target.send(None)


def _received(source: Connection | None) -> Frames:
    """Yield what a process sends; raises its error."""
    while source is not None:
        frame = _next_frame(source)
        if frame is None:
            return
        if isinstance(frame, ChatbotError | OSError):
            raise frame
        yield frame


def _next_frame(source: Connection) -> Frame:
    try:
        frame: Frame = source.recv()
        return frame
    except EOFError:
        raise CorpusError(
            "a process that reads messages has ended too early",
            hint="is there enough memory? run `chatbot preprocess` again",
        ) from None
