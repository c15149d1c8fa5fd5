"""Wrong: idempotency keys alone. An attempt that overwrites has a key of its own, and may be the older one."""


class Fence:
    def __init__(self) -> None:
        self.done: set[str] = set()

    def remember(self, key: str, task: str, token: int) -> None:
        self.done.add(key)

    def refusal(self, key: str, task: str, token: int) -> str:
        return "duplicate" if key in self.done else ""
