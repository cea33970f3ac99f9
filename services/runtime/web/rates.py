"""How many requests one client may make: a token bucket for each, in bounded memory.

A client is the person of a token that was verified before, otherwise the address it comes from:
made-up tokens all count for their address, and nothing is verified for them. Of an IPv6 address
the first 64 bits count: a network has all the others to choose from. Each process counts alone.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """Requests a second, and how many at once after a rest; `loopback`: this machine's count too.

    `clients` at most are remembered: who was not heard of for the longest is forgotten first, and
    begins again with a full bucket.
    """

    per_second: float
    burst: int
    clients: int = 20_000
    loopback: bool = False


class Buckets:
    """The buckets of one process."""

    def __init__(self, rate: Rate, now: Callable[[], float] = time.monotonic) -> None:
        """Keep the rate; `now` is real time in seconds."""
        self._rate = rate
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many clients are remembered."""
        return len(self._left)

    def counts(self, peer: str) -> bool:
        """Whether requests from an address are counted at all."""
        return self._rate.loopback or not client_at(peer).is_loopback

    def take(self, client: str) -> int:
        """Take one request out of a client's bucket; return 0, or the seconds to wait for one."""
        rate, now = self._rate, self._now()
        left, at = self._left.pop(client, (float(rate.burst), now))
        left = min(left + (now - at) * rate.per_second, float(rate.burst))
        wait = 0
        if left >= 1:
            left -= 1
        else:
            wait = math.ceil((1 - left) / rate.per_second)
        self._left[client] = (left, now)
        if len(self._left) > rate.clients:
            self._left.popitem(last=False)
        return wait


@dataclass(frozen=True, slots=True)
class Peer:
    """An address as a client: its name among the buckets, and whether it is this machine."""

    name: str
    is_loopback: bool


@lru_cache(maxsize=4096)
def client_at(address: str) -> Peer:
    """Return who asks from an address; what is no address (a local socket) is this machine."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return Peer(name=address, is_loopback=True)
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return client_at(str(found.ipv4_mapped))
        network = IPv6Network((int(found) >> 64 << 64, 64))
        return Peer(name=str(network), is_loopback=found.is_loopback)
    return Peer(name=str(found), is_loopback=found.is_loopback)
