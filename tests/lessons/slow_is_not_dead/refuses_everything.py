"""Wrong: what is refused cannot happen twice, and never happens."""


class Fence:
    def __init__(self) -> None:
        pass

    def remember(self, key: str, task: str, token: int) -> None:
        pass

    def refusal(self, key: str, task: str, token: int) -> str:
        return "stale"
