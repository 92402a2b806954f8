"""Private servers: they come up, survive a kill -9 with their data, and never outlive the process they serve."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aio_pika
import asyncpg
import pytest

from deploy.servers import Missing, PostgresServer, RabbitmqServer, machine, postgres, rabbitmq
from deploy.servers.children import Child, ServerFailed, free_ports, wait_until
from deploy.servers.containers import ContainerChild
from deploy.servers.guard import descendants
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
DEFINITIONS = {
    "vhosts": [{"name": "permit"}],
    "queues": [{"name": "kept", "vhost": "permit", "durable": True, "auto_delete": False,
                "arguments": {"x-queue-type": "quorum"}}],
}  # fmt: skip
SERVERS_IN_A_PROCESS = """
import sys, time
from pathlib import Path
from deploy.servers import postgres, rabbitmq
with postgres(Path(sys.argv[1]), durable=False), rabbitmq({"vhosts": [{"name": "permit"}]}, Path(sys.argv[1])):
    print("up", flush=True)
    time.sleep(300)
"""


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    with postgres(tmp_path) as server:
        yield server


@pytest.fixture
def own_rabbitmq(tmp_path: Path) -> Iterator[RabbitmqServer]:
    with rabbitmq(DEFINITIONS, tmp_path) as server:
        yield server


async def test_postgres_keeps_what_was_committed_over_a_kill(own_postgres: PostgresServer) -> None:
    connection = await asyncpg.connect(own_postgres.url)
    await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    own_postgres.kill()
    with contextlib.suppress(Exception):
        await connection.close(timeout=1)
    own_postgres.restart()
    connection = await asyncpg.connect(own_postgres.url)
    assert await connection.fetchval("SELECT n FROM kept") == 7
    assert await connection.fetchval("SHOW fsync") == "on"
    assert int(await connection.fetchval("SHOW max_connections")) >= 300
    await connection.close()


def _declared_for_good(server: RabbitmqServer, queue: str) -> bool:
    """Whether a kill -9 leaves the queue declared: RabbitMQ writes that down up to three seconds late, in the
    register of quorum queues and (3.x) in its own log."""
    assert server.child is not None
    if isinstance(server.child, ContainerChild):
        find = f"find /var/lib/rabbitmq -name names.dets -exec grep -q {queue} {{}} \\; -print"
        return "names.dets" in server.child.run("sh", "-c", find)
    node = server.child.folder.glob("rabbitmq-*/data/*/LATEST.LOG")
    register = server.child.folder.glob("rabbitmq-*/data/*/quorum/*/names.dets")
    return all(queue.encode() in written.read_bytes() for written in (*node, *register))


async def test_broker_keeps_confirmed_messages_over_a_kill(own_rabbitmq: RabbitmqServer) -> None:
    parts = own_rabbitmq.management.split("//")[1].split("@")[0].split(":")
    address = own_rabbitmq.address(*parts)
    async with await aio_pika.connect(address) as connection:
        channel = await connection.channel(on_return_raises=True)
        message = aio_pika.Message(b"7", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, "kept")
    until(lambda: _declared_for_good(own_rabbitmq, "kept"))
    own_rabbitmq.kill()
    own_rabbitmq.restart()
    async with await aio_pika.connect(address) as connection:
        queue = await (await connection.channel()).get_queue("kept")
        async with asyncio.timeout(60):  # its leader may be elected after the port is open
            while (found := await queue.get(timeout=60, fail=False)) is None:
                await asyncio.sleep(0.1)
        assert found.body == b"7"


def test_broker_waits_a_day_for_an_acknowledgement(own_rabbitmq: RabbitmqServer) -> None:
    assert own_rabbitmq.child is None or "consumer_timeout = 86400000" in "".join(
        path.read_text() for path in own_rabbitmq.child.folder.glob("**/rabbitmq.conf")
    )


@pytest.mark.timeout(180)
def test_servers_end_with_a_killed_parent(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen(
        [sys.executable, "-c", SERVERS_IN_A_PROCESS, str(tmp_path)], stdout=subprocess.PIPE, env=env
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"up\n"
    below = descendants(parent.pid)
    commands = "\n".join(_command(pid) for pid in below)
    for part in ("postgres", "beam", "epmd"):
        assert part in commands or machine.engine() is not None
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not [pid for pid in below if _alive(pid)], "children outlived their parent", None, 20)
    left = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert left == [], "data of a killed run stays behind"


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_child_that_spawns_and_ignores_signals_is_ended_with_all_it_spawned(tmp_path: Path) -> None:
    script = "trap '' TERM INT; (trap '' TERM; exec sleep 321) & (setsid sleep 321) & wait"
    child = Child("stubborn", ["sh", "-c", script], tmp_path, stop_s=0.3)
    child.start()
    below = _until(lambda: [p for p in descendants(child.pid) if "321" in _command(p)], 2)
    child.stop()
    assert not [pid for pid in below if _alive(pid)]
    assert not child.alive


def _until(found: object, count: int) -> list[int]:
    until = time.monotonic() + 10
    while len(pids := found()) < count and time.monotonic() < until:  # type: ignore[operator]
        time.sleep(0.02)
    return list(pids)


def test_child_that_fails_says_so_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = Child("broken", ["sh", "-c", "echo the reason; exit 3"], tmp_path)
    child.start()
    with pytest.raises(ServerFailed, match="the reason"):
        wait_until(lambda: False, "it does not answer", child, 10)


def test_ports_given_out_are_free_and_different() -> None:
    assert len(set(free_ports(40))) == 40


def test_missing_server_says_the_line_that_mends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEWINDOW_POSTGRES_URL", raising=False)
    monkeypatch.setattr(machine, "has_image", lambda image: False)
    monkeypatch.setattr(machine, "pull", lambda image: False)
    monkeypatch.setattr(machine, "postgres_bin", lambda: None)
    monkeypatch.setattr(machine, "can_install", lambda: False)
    with pytest.raises(Missing, match="apt-get install -y postgresql"), postgres(tmp_path):
        pytest.fail("it cannot have started")


async def test_given_postgres_is_used_and_not_stopped(
    own_postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEWINDOW_POSTGRES_URL", own_postgres.url)
    with postgres(tmp_path / "other") as given:
        assert given.url == own_postgres.url
        assert given.child is None
    connection = await asyncpg.connect(own_postgres.url)
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()
