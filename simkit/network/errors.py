"""How a request fails, each in its own type, so that code can tell silence from an answer.

Deliberately few: what goes wrong with streams is the OSError that a real socket gives.
"""

import errno


class RequestTimeout(TimeoutError):
    """No answer came in time: the request, its handling or the answer was lost or slow. Nobody can tell which."""

    def __init__(self, target: str, tag: str, timeout_s: float) -> None:
        super().__init__(f"{target} did not answer {tag} within {timeout_s:g} s")
        self.target = target
        self.tag = tag
        self.timeout_s = timeout_s


class Unreachable(OSError):
    """A router answered that the target cannot be reached (ICMP host unreachable)."""

    def __init__(self, target: str, tag: str) -> None:
        super().__init__(errno.EHOSTUNREACH, f"{target} is unreachable for {tag}")
        self.target = target
        self.tag = tag


class Refused(Exception):
    """What a handler raises to say no on purpose: who asked hears of it as a `RemoteError`, and nobody logs it.

    A datagram whose handler raises it is dropped.
    """


class RemoteError(Exception):
    """The handler on the other host raised.

    Attributes:
        host: where; `type_name`, `text`: of the exception.
    """

    def __init__(self, host: str, type_name: str, text: str) -> None:
        super().__init__(f"{type_name} on {host}: {text}")
        self.host = host
        self.type_name = type_name
        self.text = text
