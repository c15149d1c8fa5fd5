"""Wrong: it refuses what it should, but has it in memory only, because it learns from requests and not from the log."""


class Fence:
    def __init__(self) -> None:
        self.newest: dict[str, int] = {}
        self.done: set[str] = set()

    def remember(self, key: str, task: str, token: int) -> None:
        pass

    def refusal(self, key: str, task: str, token: int) -> str:
        if token < self.newest.get(task, 0):
            return "stale"
        self.newest[task] = token
        if key in self.done:
            return "duplicate"
        self.done.add(key)
        return ""
