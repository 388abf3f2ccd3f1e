"""A server's gate, its address, and who reaches it, for the commands that serve."""

import socket

from chatbot.cli.screen import say
from chatbot.crypto.strength import LEAST_BITS, strength_bits
from chatbot.serving.address import is_reached_from_network, own_address
from chatbot.serving.auth import Gate, load_gate, secrets_of
from chatbot.settings.schema import Config, ServeConfig

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 compared, not bound


def gate_for(config: Config) -> Gate | None:
    """Return the gate; None if no password is needed. Raises AccessError if it is and none is set.

    What other computers reach, by an address or a tunnel, needs one whatever the settings say.
    """
    is_public = is_reached_from_network(config.serve.host) or config.serve.allowed_hosts
    if not (config.security.require_password or is_public):
        return None
    gate = load_gate(config)
    gate.admits("")  # a damaged hash is an error now, not at the first login
    return gate


def address_of(limits: ServeConfig, listening: socket.socket) -> str:
    """Return what to open: of a server for everybody, this computer's address in the network."""
    port = listening.getsockname()[1]
    host = own_address() if limits.host in _EVERYWHERE else limits.host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def warn_who_reaches(config: Config, gate: Gate | None) -> None:
    """Say who can reach the server, and what can be read on the way."""
    is_shared = is_reached_from_network(config.serve.host)
    if is_shared:
        say(
            "warning: everybody in the network reaches this page, and needs the password; "
            "over plain HTTP others in the network can read along"
        )
    else:
        say("open it on this computer; no other computer reaches it")
    for name in config.serve.allowed_hosts:
        say(f"also answers to {name}: whoever reaches that name needs the password")
    if gate is None:
        say("warning: no password is needed: every program and user of this computer can talk")
    password, _ = secrets_of(config)
    is_public = is_shared or config.serve.allowed_hosts
    if is_public and password and strength_bits(password) < LEAST_BITS:
        say("warning: this password can be guessed; `chatbot keygen --passphrase` draws words")
