"""Wrong: one vote in a term, but also for those who have missed what is committed."""


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
        return voted_for in ("", candidate)

    def kept(self, term: int, voted_for: str) -> tuple[int, str]:
        return term, voted_for
