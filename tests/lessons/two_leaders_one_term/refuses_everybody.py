"""Wrong: who votes for nobody never votes twice, and nobody ever leads."""


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
        return False

    def kept(self, term: int, voted_for: str) -> tuple[int, str]:
        return term, voted_for
