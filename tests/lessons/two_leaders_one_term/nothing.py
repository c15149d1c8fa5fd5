"""The rules of a server's vote, for you to write: lesson "two leaders in one term", level 3.

Try it:     simkit lesson two_leaders_one_term --try my_ballot.py
            simkit lesson two_leaders_one_term --try my_ballot.py --variant behind
Marks:      simkit lesson two_leaders_one_term --grade my_ballot.py
"""


class Ballot:
    """It is made anew at every start of the server. What it must not forget is given to it."""

    def grants(
        self,
        voted_for: str,
        candidate: str,
        candidate_last_term: int,
        candidate_last_index: int,
        last_term: int,
        last_index: int,
    ) -> bool:
        """A candidate of the current term asks for the vote: say whether it gets it.

        voted_for: whom this server has voted for in this term, "" for nobody. After a restart: what `kept` returned.
        candidate: who asks.
        candidate_last_term, candidate_last_index: term and index of the last entry in the candidate's log.
        last_term, last_index: the same of this server's own log.
        """
        return True

    def kept(self, term: int, voted_for: str) -> tuple[int, str]:
        """Return the term and the vote that are written to the disk before the answer leaves."""
        return term, ""
