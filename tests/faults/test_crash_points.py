"""A short seeded storm: somebody dies at every named point, one event kills whoever handles it; nothing is lost.

`make prove-backbone` is the long one: every role at every point, and every kind of fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from deploy.servers import PostgresServer, RabbitmqServer
from deploy.servers.accounts import Accounts
from tests.faults.armed import POINTS
from tests.faults.plan import CRASHES, Fault, deck, plan
from tests.faults.round import chosen, play
from tests.faults.stage import KINDS_OF_ROLE, Servers

KINDS = (*CRASHES, "poison_kills")
SEED = 1


def one_of_each() -> Iterator[Fault]:
    """Of the seed's plan the first fault of each kind; the roles take turns."""
    roles = {name: role for role, names in KINDS_OF_ROLE.items() for name in names}
    wanted = dict(zip(CRASHES, [*KINDS_OF_ROLE, *KINDS_OF_ROLE], strict=True))
    dealt = [fault for fault in islice(plan(SEED, KINDS), len(deck(KINDS)))]
    yield next(fault for fault in dealt if fault.kind == "poison_kills")
    yield from (fault for fault in dealt if wanted.get(fault.kind) == roles[fault.target])


def test_the_same_seed_is_the_same_plan() -> None:
    def first(seed: int) -> list[Fault]:
        return list(islice(plan(seed), 200))

    assert first(7) == first(7)
    assert first(7) != first(8)
    assert {fault.kind for fault in first(7)} == {kind for kind, _ in deck()}
    assert list(chosen(plan(7), {17, 23})) == [first(7)[16], first(7)[22]]


@pytest.mark.timeout(240)
async def test_somebody_dies_at_every_point_and_nothing_is_lost(
    postgres_server: PostgresServer, rabbitmq_server: RabbitmqServer, accounts: Accounts, tmp_path: Path
) -> None:
    on = Servers(postgres_server, rabbitmq_server, accounts, tmp_path)
    faults = list(one_of_each())
    result = await play(on, SEED, iter(faults), len(faults))
    assert not any(result["breaches"].values()), result["breaches"]
    assert result["audit"] == []
    assert result["converged_s"] is not None
    roles = {name: role for role, names in KINDS_OF_ROLE.items() for name in names}
    assert {roles[name] for name, _ in result["crashes"]} == set(KINDS_OF_ROLE)
    assert {point for _, point in result["crashes"]} == set(POINTS)
    assert result["by_kind"]["poison_kills"] == 1
    assert result["counted"]["set aside"] == 1
    assert result["duplicates_suppressed"] > 0
