"""``python -m deploy.kubernetes write | secrets | check | condense FOLDER``

write     the generated files of k8s/ (after a department, an event or an alert was added)
secrets   once before the local overlay is applied, and again after a department was added
check     builds and checks both overlays and prints each figure beside its bound; status 1 if one falls short
condense  keeps of the operators' own definitions (CustomResourceDefinitions below FOLDER) what our objects use
"""

from __future__ import annotations

import sys
from pathlib import Path

from deploy.kubernetes.check import built, check
from deploy.kubernetes.generated import generated, left_over, stale
from deploy.kubernetes.houses import K8S, codes, houses
from deploy.kubernetes.schemas import EXAMPLES, write_condensed
from deploy.kubernetes.secrets import LocalSecrets


def write() -> int:
    """Write what is generated and remove what is left of departments that are no more."""
    wanted = generated()
    for path in left_over(wanted):
        path.unlink()
        print(f"removed: {path}")
    for path, text in stale(wanted).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"written: {path}")
    return 0


def secrets() -> int:
    """Write the local overlay's secrets."""
    print(f"secrets are in {LocalSecrets(K8S / 'overlays' / 'local', houses(codes())).make()}")
    return 0


def condense(folder: str) -> int:
    """Write what is kept of the operators' definitions."""
    for path in write_condensed(Path(folder), [*built("local"), *built("production"), *EXAMPLES]):
        print(f"written: {path}")
    return 0


def main(arguments: list[str]) -> int:
    """One of the commands above; 2 when the call is off."""
    commands = {"write": write, "check": check, "secrets": secrets}
    if len(arguments) == 2 and arguments[0] == "condense":
        return condense(arguments[1])
    if len(arguments) != 1 or arguments[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    return commands[arguments[0]]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
