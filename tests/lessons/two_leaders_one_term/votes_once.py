"""Wrong: one vote and no second answer; a candidate whose answer was lost asks in vain."""


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
        return voted_for == "" and current

    def kept(self, term: int, voted_for: str) -> tuple[int, str]:
        return term, voted_for
