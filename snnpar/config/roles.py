"""What a network is to the others that it is compared with."""

from typing import Literal

Role = Literal["teacher", "student", "opponent"]

PAIR: tuple[Role, ...] = ("teacher", "student")
OPPONENT: Role = "opponent"  # a third network of either kind, to hold a claim against
ROLES: tuple[Role, ...] = (*PAIR, OPPONENT)
