"""Which addresses a webhook may be sent to: those of the outside world, unless it is allowed."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], list[str]]  # host and port to addresses that may be connected to

# RFC 6052: an IPv4 address inside an IPv6 one, which a translator makes an IPv4 one again.
_NAT64 = IPv6Network("64:ff9b::/96")


class AddressRefused(Exception):
    """A name leads to an address inside; `host` and `address` say which."""

    def __init__(
        self, host: str, address: str, setting: str = "LINESIDE_WEBHOOK_ALLOW_PRIVATE=true"
    ) -> None:
        super().__init__(
            f"{host} leads to {address}, an address inside. If that is meant, set {setting}."
        )
        self.host = host
        self.address = address


def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The numeric addresses of a host, looked up once, so that they can be connected to as such.

    A name that is looked up twice can answer with an outside address to the check and an inside
    one to the connection (DNS rebinding), so callers connect to what is returned here and to
    nothing else. Raises AddressRefused if any one address is not public, OSError if there is none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private:
        for address in addresses:
            if not is_public(address):
                raise AddressRefused(host, address)
    return addresses


def resolve_outside(host: str, port: int, allowed: Sequence[Network]) -> list[str]:
    """The same for a channel that somebody made in the pages: inside only what is allowed.

    Raises AddressRefused if any one address is neither public nor allowed, OSError if there is
    none.
    """
    addresses = resolve(host, port, allow_private=True)
    for address in addresses:
        if not is_allowed(address, allowed):
            raise AddressRefused(host, address, "LINESIDE_ALERT_ALLOW_NETWORKS")
    return addresses


def is_allowed(address: str, allowed: Sequence[Network]) -> bool:
    """Whether an address is public, or in one of these networks, also as a mapped one."""
    if is_public(address):
        return True
    parsed = ip_address(address.partition("%")[0])
    real = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(real in network for network in allowed)


def is_public(address: str) -> bool:
    """Whether an address is one of the outside world: no private, loopback, link-local, shared,
    reserved or multicast one (IANA's special-purpose registries), also not inside a mapped one.
    """
    parsed = ip_address(address.partition("%")[0])
    return all(part.is_global and not part.is_multicast for part in (parsed, *carried(parsed)))


def carried(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """IPv4 addresses that an IPv6 one carries and that some gateway on the way may unpack."""
    if isinstance(address, IPv4Address):
        return []
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        carried.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [inner for inner in carried if inner is not None]
