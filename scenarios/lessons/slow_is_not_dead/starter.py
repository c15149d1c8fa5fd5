"""The fence before the effects host, for you to write: lesson "slow is not dead", level 3.

Copy it to my_fence.py, then
try it:     simkit lesson slow_is_not_dead --try my_fence.py
            simkit lesson slow_is_not_dead --try my_fence.py --variant race   (or overwritten, or restarted)
marks:      simkit lesson slow_is_not_dead --grade my_fence.py
"""


class Fence:
    """It hears of every effect that takes place, and says of the next request whether it may.

    The host makes a new one each time it starts, and then calls `remember` for everything in its log.
    """

    def __init__(self) -> None:
        pass

    def remember(self, key: str, task: str, token: int) -> None:
        """An effect takes place (you have let it), or was found in the log.

        key: names one effect; two requests with one key are meant to be one. An effect that overwrites has a key of its
            own for each attempt.
        task: whose it is.
        token: number of the lease under which it was asked for; each new lease of any task gets a greater one.
        """

    def refusal(self, key: str, task: str, token: int) -> str:
        """A worker asks for an effect: say why it must not take place ("stale", "duplicate"), or "" if it may."""
        return ""
