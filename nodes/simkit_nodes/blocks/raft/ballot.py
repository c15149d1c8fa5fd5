"""The ballot: whom a server votes for in the current term, and what it writes down of that (section 5.2 and 5.4.1).

It is deliberately a decision on plain values, without a network or a disk, so that a lesson can let students write it.
"""


class Ballot:
    """One server's rules for its vote. It is made anew at every start; what must be remembered is given to it."""

    def grants(
        self,
        voted_for: str,
        candidate: str,
        candidate_last_term: int,
        candidate_last_index: int,
        last_term: int,
        last_index: int,
    ) -> bool:
        """Say whether a candidate of the current term gets the vote.

        Args:
            voted_for: whom this server has voted for in this term, "" for nobody.
            candidate: who asks.
            candidate_last_term, candidate_last_index: of the last entry in the candidate's log.
            last_term, last_index: of the last entry in this server's log.
        """
        current = (candidate_last_term, candidate_last_index) >= (last_term, last_index)
        return voted_for in ("", candidate) and current

    def kept(self, term: int, voted_for: str) -> tuple[int, str]:
        """Return the term and the vote that go to the disk before anybody hears of them."""
        return term, voted_for
