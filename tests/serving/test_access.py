"""Guessing is slow, nobody is locked out; sessions and tokens are their owner's alone."""

import asyncio

import pytest

from chatbot.serving.access import Access, ClientInfo
from chatbot.serving.address import client_address
from chatbot.serving.api_errors import ApiError
from chatbot.serving.auth import Gate
from chatbot.serving.rate_limit import OF_ADDRESS, OF_ALL, LoginRateLimiter

PASSWORD = "참깨"  # noqa: S105 of the tests


class Time:
    """A clock that sleeping moves on."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def time(monkeypatch):
    clock, sleep = Time(), asyncio.sleep

    async def skip(seconds):
        clock.now += seconds
        await sleep(0)

    async def check(function, *arguments):
        return function(*arguments)

    monkeypatch.setattr("chatbot.serving.rate_limit.asyncio.sleep", skip)
    monkeypatch.setattr("chatbot.serving.access.asyncio.to_thread", check)  # takes no time here
    return clock


def access(time, password=PASSWORD):
    return Access(Gate(password, None), 3600, time)


def visitor(address="1.1.1.1", **shown):
    return ClientInfo(address, False, **shown)


async def guess(access, who, n, word="x"):
    """Log in n times with wrong passwords; return the status of each."""

    async def once(number):
        try:
            await access.log_in(f"{word}{number}", who)
        except ApiError as api_error:
            return api_error.status
        raise AssertionError

    return await asyncio.gather(*(once(number) for number in range(n)))


async def stop(attackers):
    attackers.cancel()
    await asyncio.gather(attackers, return_exceptions=True)


def test_an_address_guesses_a_password_a_second(time):
    async def attack():
        pace, n = LoginRateLimiter(time), 0
        while time.now < 60:
            try:
                await pace.turn("6.6.6.6")
                n += 1
            except ApiError:
                time.now += 0.01
        return n

    assert asyncio.run(attack()) <= 60 / OF_ADDRESS.longest + OF_ADDRESS.n_free + 3


def test_many_addresses_together_guess_ten_a_second(time):
    async def attack():
        pace, n = LoginRateLimiter(time), 0

        async def one(address):
            nonlocal n
            while time.now < 20:
                try:
                    await pace.turn(address)
                    n += 1
                except ApiError:
                    await asyncio.sleep(0.05)

        await asyncio.gather(*(one(f"6.6.6.{i}") for i in range(90)))
        return n

    assert asyncio.run(attack()) <= 20 / OF_ALL.longest + OF_ALL.n_free + 95


def test_another_address_gets_in_at_once_during_an_attack(time):
    async def attack():
        gate = access(time)
        attackers = asyncio.gather(*(guess(gate, visitor(f"6.6.6.{i}"), 15, f"{i}-") for i in range(20)))  # fmt: skip
        await asyncio.sleep(0)
        while time.now < 2:
            await asyncio.sleep(0.01)
        began = time.now
        await gate.log_in(PASSWORD, visitor("2.2.2.2"))
        waited = time.now - began
        await stop(attackers)
        return waited

    assert asyncio.run(attack()) <= 1


def test_the_same_address_gets_in_after_those_that_wait(time):
    async def attack():
        gate = access(time)
        attackers = asyncio.ensure_future(guess(gate, visitor(), 16))
        while time.now < 1:
            await asyncio.sleep(0.01)
        began = time.now
        await gate.log_in(PASSWORD, visitor())
        await stop(attackers)
        return time.now - began

    assert asyncio.run(attack()) <= 16


def test_a_device_that_was_here_before_waits_for_nobody(time):
    async def attack():
        gate = access(time)
        admission = await gate.log_in(PASSWORD, visitor())
        attackers = asyncio.ensure_future(guess(gate, visitor(), 200))
        while time.now < 3:
            await asyncio.sleep(0.01)
        began = time.now
        await gate.log_in(PASSWORD, visitor(device=admission.device))
        owner = await gate.identify(visitor(session=admission.session))
        await stop(attackers)
        return time.now - began, owner

    waited, owner = asyncio.run(attack())
    assert waited <= 1 and owner.startswith("session ")


def test_a_flood_is_told_to_wait(time):
    statuses = asyncio.run(guess(access(time), visitor(), 200))
    assert {401, 429} == set(statuses) and statuses.count(429) > 150


def test_the_password_is_no_oracle_for_who_guesses_fast(time):
    """After many failures even the right password waits: 200 against 429 would tell it."""

    async def attack():
        gate = access(time)
        await gate.identify(visitor(token=PASSWORD))
        gate._rate_limiter._record("1.1.1.1").failures = 10_000.0
        began = time.now
        await gate._rate_limiter.turn("1.1.1.1")
        await gate.identify(visitor(token=PASSWORD))
        return time.now - began

    assert asyncio.run(attack()) >= OF_ADDRESS.longest


def test_the_same_wrong_password_counts_once(time):
    async def ask():
        gate = access(time)
        for _ in range(50):
            with pytest.raises(ApiError, match="wrong password"):
                await gate.identify(visitor(token="old"))  # noqa: S106
        return time.now

    assert asyncio.run(ask()) == 0


def test_a_password_is_checked_by_argon2_once():
    class Counting(Gate):
        n_checks = 0

        def admits(self, password):
            Counting.n_checks += 1
            return super().admits(password)

    async def ask():
        gate = Access(Counting(PASSWORD, None), 3600)
        for _ in range(20):
            await gate.identify(visitor(token=PASSWORD))

    asyncio.run(ask())
    assert Counting.n_checks == 1


def test_decomposed_hangul_is_the_same_password():
    decomposed = "\u1100\u1161"

    async def ask():
        gate = Access(Gate("가", None), 3600)
        await gate.identify(visitor(token=decomposed))
        await gate.identify(visitor(token="가"))  # noqa: S106

    asyncio.run(ask())


def test_a_session_ends_after_its_time_and_at_logout(time):
    async def live():
        gate = access(time)
        first = (await gate.log_in(PASSWORD, visitor())).session
        second = (await gate.log_in(PASSWORD, visitor(session=first))).session
        assert first != second
        for session, is_valid in ((first, False), (second, True)):
            await is_refused(gate, session, not is_valid)
        time.now += 3601
        await is_refused(gate, second, True)
        third = (await gate.log_in(PASSWORD, visitor())).session
        gate.log_out(visitor(session=third))
        await is_refused(gate, third, True)

    asyncio.run(live())


async def is_refused(gate, session, expected):
    try:
        await gate.identify(visitor(session=session))
    except ApiError as api_error:
        assert expected and api_error.code == "login_needed"
    else:
        assert not expected


def test_a_session_that_an_attacker_chose_is_never_used(time):
    """Session fixation: what the cookie held before a login is worth nothing after it."""

    async def fix():
        gate = access(time)
        admission = await gate.log_in(PASSWORD, visitor(session="chosen", device="chosen.1"))
        await is_refused(gate, "chosen", True)
        return admission

    assert asyncio.run(fix()).session != "chosen"


def test_two_sessions_are_two_owners(time):
    async def both():
        gate = access(time)
        owners = []
        for _ in range(2):
            session = (await gate.log_in(PASSWORD, visitor())).session
            owners.append(await gate.identify(visitor(session=session)))
        return owners

    first, second = asyncio.run(both())
    assert first != second


@pytest.mark.parametrize(
    ("peer", "forwarded", "place"),
    [
        ("9.9.9.9", "6.6.6.6", "9.9.9.9"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "1.1.1.1, 6.6.6.6", "through 6.6.6.6"),
        ("::1", "nonsense", "through unknown"),
        ("2001:db8::1", "", "2001:db8::/64"),
        ("2001:db8::2", "", "2001:db8::/64"),
        ("::ffff:9.9.9.9", "", "9.9.9.9"),
    ],
)
def test_who_is_slowed(peer, forwarded, place):
    assert client_address(peer, {"x-forwarded-for": forwarded} if forwarded else {}) == place
