"""The fault campaign: ``python -m tests.faults.campaign --seeds 5 --faults 300`` (``make prove-backbone``).

Prints every figure beside its bound, writes plan, history and result as JSON, and ends with status 1 on any
breach, also when too little happened for the run to prove anything. The same seed gives the same plan;
``--only SEED:17,23`` plays only those faults of it again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from tests.faults.armed import POINTS
from tests.faults.bugs.proving import prove_bugs
from tests.faults.checker import KINDS
from tests.faults.plan import CRASHES, DECK, plan
from tests.faults.round import CONVERGES_S, chosen, play
from tests.faults.stage import KINDS_OF_ROLE, servers
from tests.faults.whole import strike_the_whole_center

ROOT = Path(__file__).resolve().parents[2]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many rounds, each with a seed of its own")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=300, help="how many must fire, over all seeds")
    parser.add_argument("--only", help="SEED:n,n,…: only these faults of that seed's plan")
    parser.add_argument("--kinds", default="", help="kind,kind,…: deal only these kinds of fault")
    parser.add_argument("--out", type=Path, help="folder for plan, history and result")
    parser.add_argument("--no-bugs", action="store_true", help="leave the seeded bugs out")
    parser.add_argument("--no-center", action="store_true", help="leave the five real services out")
    parser.add_argument("--only-bugs", action="store_true", help="nothing but the seeded bugs")
    return parser.parse_args()


def _folder(given: Path | None) -> Path:
    folder = given or ROOT / ".run" / f"faults-{time.strftime('%Y%m%dT%H%M%S')}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.absolute()


def _rounds(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    played = []
    with servers(folder) as on:
        if options.only:
            seed, _, numbers = options.only.partition(":")
            only = {int(each) for each in numbers.split(",")}
            faults = chosen(plan(int(seed)), only)
            return [asyncio.run(play(on, int(seed), faults, len(only)))]
        for index in range(options.seeds):
            seed = options.first_seed + index
            wanted = options.faults // options.seeds + (index < options.faults % options.seeds)
            kinds = [kind for kind in options.kinds.split(",") if kind]
            told = [fault.as_dict() for fault in islice(plan(seed, kinds), 2 * wanted)]
            (folder / f"plan-{seed}.json").write_text(json.dumps(told, indent=1))
            played.append(asyncio.run(play(on, seed, plan(seed, kinds), wanted)))
            _tell(played[-1])
    return played


def _tell(result: dict[str, Any]) -> None:
    breaches = {kind: len(found) for kind, found in result["breaches"].items()}
    print(
        f"seed {result['seed']}: {result['faults']} faults ({result['missed']} met nobody), "
        f"{result['counted'].get('cases', 0)} cases, {result['counted'].get('deliveries', 0)} deliveries, "
        f"converged {result['converged_s']} s, breaches {sum(breaches.values()) + len(result['audit'])}, "
        f"{result['seconds']} s",
        flush=True,
    )
    for kind, found in [*result["breaches"].items(), ("audit", result["audit"])]:
        for text in found[:5]:
            print(f"   {kind}: {text}", flush=True)


def vacuous(rounds: list[dict[str, Any]]) -> list[str]:
    """What did not happen often enough for these rounds to prove anything."""
    fired = Counter({kind: 0 for kind in [*DECK, *CRASHES]})
    for result in rounds:
        fired.update(result["by_kind"])
    missing = [f"no fault of kind {kind}" for kind, times in fired.items() if not times]
    roles = {name: role for role, names in KINDS_OF_ROLE.items() for name in names}
    crashed = {(roles[name.partition("+")[0]], point) for each in rounds for name, point in each["crashes"]}
    missing += [
        f"no {role} crashed at {point}"
        for role in KINDS_OF_ROLE
        for point in POINTS
        if (role, point) not in crashed
    ]
    for what in ("duplicates_injected", "duplicates_suppressed", "answers_repeated", "answers_lost"):
        if not sum(each[what] for each in rounds):
            missing.append(f"no {what.replace('_', ' ')}")
    for each in rounds:
        if each["counted"].get("decisions", 0) < 20:
            missing.append(f"seed {each['seed']}: too few decisions")
    return missing


def _figures(rounds: list[dict[str, Any]], wanted: int) -> Iterable[tuple[str, Any, str, bool]]:
    """(figure, measured, bound, whether it holds)."""
    total = sum(each["faults"] for each in rounds)
    yield "faults fired", total, f">= {wanted}", total >= wanted
    yield "seeds", len(rounds), ">= 5", len(rounds) >= 5
    for kind in KINDS:
        number = sum(len(each["breaches"][kind]) for each in rounds)
        yield kind, number, "0", number == 0
    number = sum(len(each["audit"]) for each in rounds)
    yield "breaches found by the shipped audit", number, "0", number == 0
    worst = [each["converged_s"] for each in rounds]
    good = None not in worst
    yield (
        "converged after the last fault (s, worst)",
        max(worst) if good else "never",
        f"<= {CONVERGES_S:.0f}",
        good,
    )


def report(rounds: list[dict[str, Any]], wanted: int, *, whole: bool) -> bool:
    """Print the figures; whether all hold. ``whole`` asks for enough to have happened, too."""
    holds = True
    for name, measured, bound, good in _figures(rounds, wanted):
        judged = good or (not whole and name in ("seeds", "faults fired"))
        holds &= judged
        print(f"{'ok    ' if judged else 'BREACH'} {name:<44} {measured!s:>8}   bound {bound}")
    for name in ("cases", "decisions", "events said", "deliveries", "effects", "answers", "set aside"):
        print(f"       {name:<44} {sum(each['counted'].get(name, 0) for each in rounds):>8}")
    for name in ("unknown, found done", "unknown, found absent"):
        print(f"       clients that gave up: {name:<22} {sum(each['counted'].get(name, 0) for each in rounds):>8}")
    back = sorted(o["back_s"] for each in rounds for o in each["outcomes"] if o.get("back_s") is not None)
    if back:
        spread = f"median {back[len(back) // 2]}, 95 of 100 within {back[int(len(back) * 0.95)]}, worst {back[-1]}"
        print(f"       {'ready again after a death or a stop (s)':<44} {spread}")
    for name in ("duplicates_injected", "duplicates_suppressed", "answers_lost", "answers_repeated", "deaths"):
        print(f"       {name.replace('_', ' '):<44} {sum(each[name] for each in rounds):>8}")
    missing = vacuous(rounds) if whole else []
    for text in missing:
        print(f"INVALID {text}")
    return holds and not missing


def main() -> int:
    """The command line of the module docstring; its exit status."""
    options = _arguments()
    folder = _folder(options.out)
    rounds = [] if options.only_bugs else _rounds(options, folder)
    holds = report(rounds, options.faults, whole=not (options.only or options.kinds)) if rounds else True
    part = options.only or options.kinds or options.only_bugs
    center = None if part or options.no_center else strike_the_whole_center(folder, options.first_seed)
    if center:
        holds &= center["clean"]
        print(
            f"{'ok    ' if center['clean'] else 'BREACH'} the five real services: {center['faults']} faults, "
            f"{center['cases']} cases, {center['not_ended']} not ended, audit {center['audit'] or 'agrees'}"
        )
    caught = [] if options.no_bugs or options.only or options.kinds else prove_bugs(folder)
    if caught:
        good = sum(each["caught"] for each in caught)
        holds &= good == len(caught)
        print(f"{'ok    ' if good == len(caught) else 'BREACH'} seeded bugs caught {good}/{len(caught)}")
    result = {
        "python": platform.python_version(),
        "rounds": rounds,
        "center": center,
        "bugs": caught,
        "holds": holds,
    }
    (folder / "result.json").write_text(json.dumps(result, ensure_ascii=False, indent=1))
    print(f"{'It holds.' if holds else 'It does not hold.'} {folder / 'result.json'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
