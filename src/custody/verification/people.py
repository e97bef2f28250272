"""How many people stand behind votes (D16): one person has one vote, whatever keys and certificates they hold.

Two votes are one person's if they have a key in common, or a personal name in certificates of theirs, or each has
something in common with a third. Two certificates for one SPIFFE id are one person, and so are a key and a certificate
for that key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custody.verification.votes import Vote

__all__ = ["People"]


class People:
    """Who is whom, as far as all `votes` for a step tell."""

    def __init__(self, votes: Sequence[Vote]) -> None:
        """Learn from the votes, those too that say something else than the others."""
        self._parents: dict[str, str] = {}
        for vote in votes:
            first, *others = sorted(_tokens(vote))
            for token in others:
                self._parents[self._root(token)] = self._root(first)

    def count(self, votes: Sequence[Vote]) -> int:
        """Return how many people cast `votes`."""
        return len({self._root(vote.key.identity) for vote in votes})

    def _root(self, token: str) -> str:
        parents = self._parents
        while (parent := parents.get(token, token)) != token:
            parents[token] = parents.get(parent, parent)  # halves the way for the next who asks
            token = parent
        return token


def _tokens(vote: Vote) -> frozenset[str]:
    return frozenset({vote.key.identity}).union(*(certified.tokens for certified in vote.certified))
