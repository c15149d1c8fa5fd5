"""Addresses with a meaning of their own, and what an address looks like.

Deliberately IPv4 only.
"""

from ipaddress import AddressValueError, IPv4Address

LOCALHOST = "127.0.0.1"
ANY_ADDRESS = "0.0.0.0"
BROADCAST_ADDRESS = "255.255.255.255"


def is_address(text: str) -> bool:
    """Return True if `text` is written as an IPv4 address."""
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True
