"""What will go wrong, when, to whom and for how long: all of it follows from one seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any

from tests.faults.armed import POINTS
from tests.faults.stage import KINDS_OF_ROLE, RECORDERS, ROLES

LANES = 4  # faults that may overlap


@dataclass(frozen=True)
class Fault:
    """One fault: its number in the plan, its kind, whom it meets, its particulars, the pause before it."""

    n: int
    kind: str
    target: str
    gap_s: float
    told: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For the plan file."""
        return asdict(self)


# How often each kind is dealt in one deck; every seed's plan begins with whole decks, shuffled.
DECK = {
    "kill": 5,
    "stop": 1,
    "stop_past_heartbeat": 2,
    "connections_closed": 3,
    "sessions_terminated": 4,
    "broker_killed": 1,
    "postgresql_killed": 1,
    "blackhole_up": 1,
    "blackhole_down": 2,
    "blackhole_both": 2,
    "blackhole_past_heartbeat": 1,
    "reset": 3,
    "refused": 1,
    "delay": 1,
    "slow": 1,
    "lost_commit_reply": 3,
    "lost_confirm": 2,
    "lost_ack": 2,
    "lost_http_answer": 3,
    "duplicate": 3,
    "reorder": 1,
    "poison_raises": 1,
    "poison_refused": 1,
    "poison_kills": 1,
    "oversized": 1,
    "malformed": 1,
    "unknown_type": 1,
    "next_major": 1,
    "second_copy": 1,
}
ROLE_NAMES = tuple(KINDS_OF_ROLE)
CRASHES = [f"crash_{point}" for point in POINTS]


def deck(kinds: Sequence[str] = ()) -> list[tuple[str, str | None]]:
    """(kind, role or None for anybody) of one deck; ``kinds`` keeps only these."""
    cards: list[tuple[str, str | None]] = [(kind, None) for kind, times in DECK.items() for _ in range(times)]
    cards += [(crash, role) for crash in CRASHES for role in ROLE_NAMES]
    return [card for card in cards if not kinds or card[0] in kinds]


def plan(seed: int, kinds: Sequence[str] = ()) -> Iterator[Fault]:
    """The endless plan of a seed: the same seed, the same faults in the same order."""
    dice = random.Random(f"plan {seed}")
    numbers = count(1)
    while True:
        cards = deck(kinds)
        dice.shuffle(cards)
        for kind, role in cards:
            yield _fault(next(numbers), kind, role, dice)


def _fault(n: int, kind: str, role: str | None, dice: random.Random) -> Fault:
    names = KINDS_OF_ROLE[role] if role else list(ROLES)
    gap = round(dice.uniform(0.0, 0.8), 2)
    anybody, server = dice.choice(names), dice.choice(["broker", "broker", "database"])
    seconds = round(dice.uniform(0.5, 2.5), 2)
    if kind.startswith("crash_"):
        return Fault(n, kind, anybody, gap, {"nth": dice.randint(1, 4)})
    if kind in ("kill", "stop", "sessions_terminated"):
        return Fault(n, kind, anybody, gap, {"seconds": seconds})
    if kind == "stop_past_heartbeat":
        return Fault(n, kind, anybody, gap, {"seconds": 7.0})
    if kind == "connections_closed":
        return Fault(n, kind, dice.choice([*names, "everybody"]), gap)
    if kind in ("broker_killed", "postgresql_killed"):
        return Fault(n, kind, kind.partition("_")[0], gap, {"seconds": seconds})
    if kind == "blackhole_past_heartbeat":
        return Fault(n, kind, f"{anybody}>broker", gap, {"seconds": 9.0, "then": "reset"})
    if kind.startswith("blackhole"):
        told = {"seconds": seconds, "then": dice.choice(["resume", "reset"])}
        return Fault(n, kind, f"{anybody}>{server}", gap, told)
    if kind in ("reset", "refused", "delay", "slow"):
        return Fault(n, kind, f"{anybody}>{server}", gap, {"seconds": seconds})
    if kind == "lost_http_answer":
        return Fault(n, kind, f"client>{dice.choice(KINDS_OF_ROLE['intake'])}", gap)
    if kind == "lost_commit_reply":
        return Fault(n, kind, f"{anybody}>database", gap, {"nth": dice.randint(1, 3)})
    if kind in ("lost_confirm", "lost_ack"):
        return Fault(n, kind, f"{anybody}>broker", gap)
    if kind == "duplicate":
        return Fault(n, kind, anybody, gap, {"copies": dice.randint(1, 20), "die": dice.random()})
    if kind == "reorder":
        return Fault(n, kind, dice.choice(RECORDERS), gap, {"die": dice.random()})
    if kind in ("poison_raises", "poison_refused", "poison_kills", "second_copy"):
        return Fault(n, kind, dice.choice(KINDS_OF_ROLE["department"]), gap, {"seconds": seconds})
    return Fault(n, kind, "supervision", gap, {"die": dice.random()})
