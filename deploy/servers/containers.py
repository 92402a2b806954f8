"""Servers in containers: created, filled with files, started attached, so that a guard watches them too."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.servers import machine
from deploy.servers.children import Child, ServerFailed


class ContainerChild(Child):
    """A container: killing its client is not enough, the engine must kill the container itself."""

    container_name: str = ""

    def run(self, *command: str) -> str:
        """What a command inside prints; ServerFailed when it does not succeed."""
        return _engine("exec", self.container_name, *command)

    def kill(self) -> None:
        """kill -9 inside the container, then wait for its client."""
        _engine("kill", self.container_name)
        super().kill()


@contextmanager
def container(
    name: str,
    image: str,
    run_dir: Path,
    variables: Mapping[str, str],
    ports: Mapping[int, int],
    arguments: Sequence[str] = (),
    files: Mapping[str, Path] | None = None,
) -> Iterator[Child]:
    """A started container for as long as the context lasts; ``ports`` maps ours on 127.0.0.1 to its own,
    ``files`` maps paths inside to files here. Its data survives a kill and goes when the context ends."""
    command = machine.engine()
    if command is None:
        raise ServerFailed("no container engine answers")
    unique = f"onewindow-{name}-{secrets.token_hex(4)}"
    publish = [f"--publish=127.0.0.1:{ours}:{inside}" for ours, inside in ports.items()]
    setting = [f"--env={key}={value}" for key, value in variables.items()]
    _engine("create", f"--name={unique}", f"--hostname={name}", *publish, *setting, image, *arguments)
    removal = [command, "rm", "--force", "--volumes", unique]
    try:
        for inside, path in (files or {}).items():
            _engine("cp", str(path), f"{unique}:{inside}")
        child = ContainerChild(
            name, [command, "start", "--attach", unique], run_dir, orphan_commands=[removal]
        )
        child.container_name = unique
        child.start()
        try:
            yield child
        finally:
            child.stop()
    finally:
        subprocess.run(removal, capture_output=True, check=False)


def _engine(*arguments: str) -> str:
    command = machine.engine()
    assert command is not None
    done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerFailed(f"{command} {arguments[0]} failed: {done.stderr.strip()[-400:]}")
    return done.stdout
