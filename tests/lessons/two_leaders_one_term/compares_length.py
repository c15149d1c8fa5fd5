"""Wrong: the longer log wins, whatever its last term; much that is long was never committed."""


class Ballot:
    def grants(
        self,
        voted_for: str,
        candidate: str,
        candidate_last_term: int,
        candidate_last_index: int,
        last_term: int,
        last_index: int,
    ) -> bool:
        current = candidate_last_index >= last_index
        return voted_for in ("", candidate) and current

    def kept(self, term: int, voted_for: str) -> tuple[int, str]:
        return term, voted_for
