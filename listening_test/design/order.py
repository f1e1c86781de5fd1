"""The order in which the two recordings of a pair are heard.

Every pair of conditions is heard in both orders equally often over a listener's clips, or once more in one of them
where their number is odd. Which of them that is turns round from pair to pair, so that every condition comes first as
often as second (± 1 for an even number of conditions). Another group of listeners hears every order reversed.
"""

from __future__ import annotations


def reversed_order(one: int, other: int, conditions: int, turn: int, mirrored: bool) -> bool:
    """Whether the conditions number ``one`` < ``other``, of ``conditions``, are heard with ``other`` first.

    The direction over an odd clip is that of a regular tournament: the first of a pair is the one from which the other
    is at most half-way round the circle of conditions.

    Args:
        turn: the place of the clip among the listener's clips.
        mirrored: for the other group of listeners.
    """
    ahead = 2 * (other - one)
    forward = one % 2 == 0 if ahead == conditions else ahead < conditions
    return forward ^ (turn % 2 == 0) ^ mirrored
