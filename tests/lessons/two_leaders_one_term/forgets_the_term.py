"""Wrong: the vote is written down, its term is not; after a restart nobody knows what the vote was about."""


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
        current = (candidate_last_term, candidate_last_index) >= (last_term, last_index)
        return voted_for in ("", candidate) and current

    def kept(self, term: int, voted_for: str) -> tuple[int, str]:
        return 0, voted_for
