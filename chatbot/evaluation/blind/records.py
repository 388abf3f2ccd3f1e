"""The tests of a run and the answers to them, in its folder: the truth, and no text of the chat."""

import random
import secrets
import time
from pathlib import Path

import msgspec

from chatbot.errors import CheckpointError, ConfigError
from chatbot.evaluation.blind.code import TEST_BYTES, Sheet
from chatbot.model.bundle import About
from chatbot.settings import run_files
from chatbot.settings.schema import Config
from chatbot.storage.files import write_bytes

_SUFFIX = ".json"


class BlindTest(msgspec.Struct, frozen=True, kw_only=True):
    """A test, its truth, and the sheets of friends in the order of their arrival.

    `step` and `data_fingerprint` tell which model of the run replied. `made_at`: seconds since
    1970, UTC.
    """

    id: str
    seed: int
    made_at: float
    step: int | None
    data_fingerprint: str
    second_is_bot: list[bool]
    sheets: list[Sheet] = []


def draw_seed() -> int:
    """Draw a seed that nobody can guess: whoever knows it knows the truth of the test."""
    return secrets.randbits(63)


def new_test(seed: int, about: About, second_is_bot: list[bool]) -> BlindTest:
    """Return a test without answers; its id is random."""
    return BlindTest(
        id=secrets.token_hex(TEST_BYTES),
        seed=seed,
        made_at=time.time(),
        step=about.step,
        data_fingerprint=about.data_fingerprint,
        second_is_bot=second_is_bot,
    )


def seeded(seed: int) -> random.Random:
    """Return the source of the order and the coins of a test."""
    return random.Random(seed)  # noqa: S311 the seed is the secret


def write_test(test: BlindTest, config: Config) -> None:
    """Store a test, readable by its owner only."""
    content = msgspec.json.format(msgspec.json.encode(test), indent=1)
    write_bytes(_path(test.id, config), content + b"\n", mode=0o600)


def read_tests(config: Config) -> list[BlindTest]:
    """Return the tests of a run, the oldest first; raises CheckpointError for a damaged file."""
    tests = []
    for path in sorted(_folder(config).glob(f"*{_SUFFIX}")):
        try:
            tests.append(msgspec.json.decode(path.read_bytes(), type=BlindTest))
        except msgspec.DecodeError as error:
            raise CheckpointError(
                f"{path} is damaged", hint="delete it: its test and answers are lost"
            ) from error
    return sorted(tests, key=lambda test: test.made_at)


def add_sheet(sheet: Sheet, config: Config) -> BlindTest:
    """Add a friend's answers to the test that they belong to, and return it.

    Raises ConfigError for another run's test, and for answers that are already counted.
    """
    test = next((test for test in read_tests(config) if test.id == sheet.test), None)
    if test is None or len(sheet.answers) > len(test.second_is_bot):
        raise ConfigError(
            f"the code belongs to no blind test of run {config.run_name}",
            hint="add --set run_name=NAME for the run whose test it was",
        )
    if any(other.judge == sheet.judge for other in test.sheets):
        raise ConfigError(
            "this code is already counted", hint="`chatbot blind` shows the result so far"
        )
    test = msgspec.structs.replace(test, sheets=[*test.sheets, sheet])
    write_test(test, config)
    return test


def _folder(config: Config) -> Path:
    return config.run_dir / run_files.BLIND


def _path(name: str, config: Config) -> Path:
    return _folder(config) / f"{name}{_SUFFIX}"
