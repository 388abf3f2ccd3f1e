"""Addresses: of this computer, of the network, and those that requests come from."""

import ipaddress
import socket
from collections.abc import Mapping


def client_address(peer: str, headers: Mapping[str, str]) -> str:
    """Return the address that is slowed for wrong passwords.

    Behind a tunnel or proxy on this computer it is the last one of `X-Forwarded-For`, which that
    one wrote itself. A household has one IPv6 network of 64 bits.

    >>> client_address("127.0.0.1", {"x-forwarded-for": "6.6.6.6, 2001:db8::7"})
    'through 2001:db8::/64'
    """
    forwarded = headers.get("x-forwarded-for", "")
    if forwarded and is_loopback(peer):
        return f"through {_network(forwarded.rpartition(',')[2].strip())}"
    return _network(peer)


def is_loopback(host: str) -> bool:
    """Whether an address is one of this computer.

    >>> is_loopback("127.0.0.2"), is_loopback("::1"), is_loopback("192.168.0.2")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        if not parsed.is_loopback:
            return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def is_reached_from_network(host: str) -> bool:
    """Whether a server that listens at an address is reached from other computers.

    >>> is_reached_from_network("0.0.0.0"), is_reached_from_network("127.0.0.1")
    (True, False)
    """
    return host.lower() != "localhost" and not is_loopback(host)


def own_address() -> str:
    """Return the address of this computer in its network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: an address that nobody has
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
