"""The reference: the newest lease of each task that the fence has heard of, and the keys that are done."""


class Fence:
    def __init__(self) -> None:
        self.newest: dict[str, int] = {}
        self.done: set[str] = set()

    def remember(self, key: str, task: str, token: int) -> None:
        self.done.add(key)
        self.newest[task] = max(token, self.newest.get(task, 0))

    def refusal(self, key: str, task: str, token: int) -> str:
        if token < self.newest.get(task, 0):
            return "stale"
        self.newest[task] = token
        return "duplicate" if key in self.done else ""
