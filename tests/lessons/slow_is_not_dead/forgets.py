"""Wrong: what it knows is lost with its process, because it learns from requests and not from the log."""


class Fence:
    def __init__(self) -> None:
        self.newest: dict[str, int] = {}

    def remember(self, key: str, task: str, token: int) -> None:
        pass

    def refusal(self, key: str, task: str, token: int) -> str:
        if token < self.newest.get(task, 0):
            return "stale"
        self.newest[task] = token
        return ""
