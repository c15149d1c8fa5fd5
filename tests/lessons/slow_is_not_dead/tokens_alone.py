"""Wrong: tokens alone. Where the sleeper wakes up before its successor is done, both tokens are in order."""


class Fence:
    def __init__(self) -> None:
        self.newest: dict[str, int] = {}

    def remember(self, key: str, task: str, token: int) -> None:
        self.newest[task] = max(token, self.newest.get(task, 0))

    def refusal(self, key: str, task: str, token: int) -> str:
        return "stale" if token < self.newest.get(task, 0) else ""
