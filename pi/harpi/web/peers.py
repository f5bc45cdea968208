"""Which user of this computer is at the other end of a connection.

A page without a password is served on this computer alone, but other users of it could ask for
it, too. The kernel lists to whom each socket belongs (proc(5), /proc/net/tcp).
"""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path
from typing import Final

from harpi.privileges import may_command

TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))

_LOCAL, _REMOTE, _USER = 1, 2, 7
_IPV4 = 8

Address = tuple[str, int]


def user_of(client: Address, server: Address) -> int | None:
    """Give the number of the user; None where the client is on another computer.

    Args:
        client: address and port of the other end.
        server: of this end.
    """
    wanted = (_plain(client), _plain(server))
    if not ipaddress.ip_address(wanted[0][0]).is_loopback:
        return None
    for table in TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if (_parsed(fields[_LOCAL]), _parsed(fields[_REMOTE])) == wanted:
                return int(fields[_USER])
    return None


def may_use(client: Address, server: Address, group: str | None) -> bool:
    """Whether a client of this computer belongs to somebody who may command harpi.

    Only Linux tells; on other systems everybody at this computer may.
    """
    if not sys.platform.startswith("linux"):
        return True
    user = user_of(client, server)
    return user is not None and may_command(user, group)


def key_of(client: Address, server: Address) -> str:
    """Name who is at the other end, for what each may have a share of.

    A user of this computer; else an address. Whoever has one IPv6 address has 2^64 of them:
    they count as one.
    """
    if (user := user_of(client, server)) is not None:
        return f"user {user}"
    parsed = ipaddress.ip_address(_plain(client)[0])
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _plain(address: Address) -> Address:
    """Write an address in one way: without a zone, and IPv4 as such."""
    parsed = ipaddress.ip_address(address[0].partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed), address[1]


def _parsed(text: str) -> Address:
    """Read an address of the kernel: words of 32 bits as this computer orders them."""
    host, _, port = text.partition(":")
    words = [bytes.fromhex(host[at : at + _IPV4]) for at in range(0, len(host), _IPV4)]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    return _plain((str(ipaddress.ip_address(b"".join(words))), int(port, 16)))
