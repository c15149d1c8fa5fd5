"""Wrong: one effect for each task, whoever comes first; what a later attempt writes anew is turned away."""


class Fence:
    def __init__(self) -> None:
        self.done: set[str] = set()

    def remember(self, key: str, task: str, token: int) -> None:
        self.done.add(task)

    def refusal(self, key: str, task: str, token: int) -> str:
        return "duplicate" if task in self.done else ""
