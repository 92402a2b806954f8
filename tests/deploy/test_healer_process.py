"""The healer's own process: what it is told, how it logs in, what its door says, and what its login may read."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge

from deploy.contracts.broker_definitions import HEALER, broker_definitions
from deploy.healing import Comparison, Desk, Healer, Lost, Unreached
from deploy.healing.door import Door
from deploy.healing.login import Login
from deploy.healing.outboxes import Databases
from deploy.healing.settings import HealerSettings
from deploy.servers import PostgresServer, RabbitmqServer
from deploy.servers.databases import create_database
from libs.flow import FLOW
from libs.migration import HEALER_READS
from libs.preparing import prepare


class Provider(httpx.AsyncBaseTransport):
    """An identity provider that counts what it is asked."""

    def __init__(self, lasts: int) -> None:
        self.asked: list[dict[str, str]] = []
        self._lasts = lasts

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("openid-configuration"):
            return httpx.Response(200, json={"token_endpoint": "http://provider/token"})
        told = dict(httpx.QueryParams(request.content.decode()))
        told["client"] = request.headers["Authorization"]
        self.asked.append(told)
        return httpx.Response(200, json={"access_token": f"t{len(self.asked)}", "expires_in": self._lasts})


def logged_in(provider: Provider, person: tuple[str, str] | None = None) -> Login:
    login = Login("http://provider/", ("healer", "s3cret"), "openid", person)
    login._http = httpx.AsyncClient(transport=provider)
    return login


async def test_a_token_is_asked_for_once_and_again_when_it_ends_or_was_refused() -> None:
    provider = Provider(lasts=600)
    async with logged_in(provider) as login:
        assert [await login.token(), await login.token()] == ["t1", "t1"]
        login.forget()
        assert await login.token() == "t2"
    assert provider.asked[0]["grant_type"] == "client_credentials"
    assert provider.asked[0]["client"].startswith("Basic ")


async def test_with_a_provider_of_people_it_logs_in_as_the_person_it_is_there() -> None:
    provider = Provider(lasts=600)
    async with logged_in(provider, ("healer", "pass")) as login:
        await login.token()
    assert {provider.asked[0][name] for name in ("grant_type", "username", "password")} == {
        "password", "healer", "pass",
    }  # fmt: skip


async def test_a_refused_token_is_forgotten() -> None:
    forgotten: list[bool] = []

    async def token() -> str:
        return "old"

    refusing = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(401, json={})))
    async with Desk({"fee": "http://fee"}, token, refusing, refused=lambda: forgotten.append(True)) as desk:
        with pytest.raises(Unreached, match="fee: 401"):
            await desk.act("fee", "/api/outbox/resend", {"ids": []})
    assert forgotten == [True]


def test_settings_come_from_files_of_secrets_and_variables_overrule_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {
        "onewindow_audit_databases": json.dumps({"review.fire": "postgresql://x"}),
        "onewindow_audit_broker_url": "https://healer@rabbitmq:15671?cafile=/ca.crt",
        "onewindow_sites": json.dumps({"review": {"fire": "http://review-fire:8000"}}),
        "onewindow_oidc_client_secret": "s3cret",
    }
    for name, text in told.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("ONEWINDOW_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("ONEWINDOW_OIDC_ISSUER", "http://provider")
    monkeypatch.setenv("ONEWINDOW_HEALER_LOGIN", "")
    found = HealerSettings()
    assert (found.audit_databases, found.http_port) == ({"review.fire": "postgresql://x"}, 9200)
    assert (found.oidc_client_secret, found.healer_login) == ("s3cret", "")
    monkeypatch.setenv("ONEWINDOW_OIDC_CLIENT_SECRET", "other")
    assert HealerSettings().oidc_client_secret == "other"


@pytest.fixture
def door() -> Iterator[tuple[str, dict[str, bool]]]:
    registry = CollectorRegistry()
    Gauge("things", "Things", registry=registry).set(3)
    state = {"turns": True, "looks": False}
    with Door(("127.0.0.1", 0), registry, lambda: state["turns"], lambda: state["looks"]) as opened:
        yield f"http://127.0.0.1:{opened.port}", state


def test_the_door_tells_figures_life_and_readiness(door: tuple[str, dict[str, bool]]) -> None:
    at, state = door
    assert "things 3.0" in httpx.get(f"{at}/metrics").text
    assert [httpx.get(at + path).status_code for path in ("/healthz", "/readyz", "/else")] == [200, 503, 404]
    state.update(turns=False, looks=True)
    assert [httpx.get(at + path).status_code for path in ("/healthz", "/readyz")] == [503, 200]


def test_who_goes_before_the_answer_leaves_no_trouble(
    door: tuple[str, dict[str, bool]], capfd: pytest.CaptureFixture[str]
) -> None:
    port = int(door[0].rpartition(":")[2])
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port), 5) as asking:
            asking.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
            )  # a reset, not a goodbye
            asking.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    assert httpx.get(f"{door[0]}/healthz").status_code == 200
    assert "Traceback" not in capfd.readouterr().err


class Answering(Comparison):
    """A comparison whose databases are away, until they are not."""

    def __init__(self) -> None:
        super().__init__(FLOW, {"intake": "postgresql://nowhere"}, "http://nowhere")
        self.away = True

    async def look(self) -> list[Lost]:
        if self.away:
            raise OSError("away")
        return []


async def test_a_healer_turns_while_others_are_away_and_looks_only_when_they_are_there() -> None:
    async def token() -> str:
        return ""

    comparison = Answering()
    healer = Healer(comparison, Desk({}, token))
    assert (await healer.once()).trouble == ["nothing was compared: OSError: away"]
    assert healer.since_look_s == float("inf")
    assert healer.since_turn_s < 60
    comparison.away = False
    assert not (await healer.once()).trouble
    assert healer.since_look_s < 60


# ---- what its accounts may


async def test_its_login_sees_which_events_were_said_and_heard_and_nothing_in_them(
    postgres_server: PostgresServer,
) -> None:
    role, password = f"healer_{secrets.token_hex(3)}", secrets.token_urlsafe(12)
    made = await create_database(postgres_server, "fee", suffix=f"_{secrets.token_hex(3)}")
    admin = await asyncpg.connect(postgres_server.url)
    try:
        await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
    finally:
        await admin.close()
    stem = made.name
    for _ in range(2):  # a migration runs at every start
        await prepare("fee", made.owner, f"{stem}_app", f"{stem}_audit", 30.0, role)
    url = postgres_server.address(role, password, made.name)
    databases = Databases({"fee": url})
    assert not await databases.read_on("fee")
    await databases.read_again("fee")
    assert await databases.heard("fee", [("a", "b")]) == set()
    await databases.close()
    healer = await asyncpg.connect(url)
    try:
        columns = await healer.fetch(
            "SELECT table_name, column_name FROM information_schema.column_privileges "
            "WHERE grantee = $1 AND table_schema = 'public'", role,
        )  # fmt: skip
        seen: dict[str, set[str]] = {}
        for row in columns:
            seen.setdefault(row["table_name"], set()).add(row["column_name"])
        assert seen == {table: set(told.split(", ")) for table, told in HEALER_READS.items()}
        for statement in ("SELECT body FROM outbox", "SELECT * FROM set_aside", "DELETE FROM inbox"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await healer.execute(statement)
    finally:
        await healer.close()


async def test_its_account_at_the_broker_counts_queues_and_touches_none(
    rabbitmq_server: RabbitmqServer,
) -> None:
    told = broker_definitions(FLOW, ["fire"], _passwords("fire"))
    (user,) = [each for each in told["users"] if each["name"] == HEALER]
    (rights,) = [each for each in told["permissions"] if each["user"] == HEALER]
    assert (user["tags"], rights["configure"], rights["write"], rights["read"]) == (
        ["monitoring"], "^$", "^$", "^$",
    )  # fmt: skip
    name, password = f"healer-{secrets.token_hex(3)}", secrets.token_urlsafe(12)
    with rabbitmq_server.operator() as operator:
        operator.put(f"/api/users/{name}", json={"password": password, "tags": "monitoring"})
        none: Mapping[str, Any] = {right: rights[right] for right in ("configure", "write", "read")}
        operator.put(f"/api/permissions/permit/{name}", json=none)
        every = {each["name"] for each in operator.get("/api/queues").json()}
    at = rabbitmq_server.management.rpartition("@")[2]
    comparison = Comparison(FLOW, {}, f"http://{name}:{password}@{at}")
    assert set(await comparison._depths()) == every
    async with httpx.AsyncClient(base_url=f"http://{at}", auth=(name, password)) as healer:
        assert (await healer.delete("/api/queues/permit/intake/contents")).status_code in (401, 403)
        assert (await healer.get("/api/definitions")).status_code in (401, 403)
    with rabbitmq_server.operator() as operator:
        operator.delete(f"/api/users/{name}")


def _passwords(department: str) -> dict[str, str]:
    names = [
        FLOW.queue(service, department if spread["per"] == "department" else None)
        for service, spread in FLOW.services.items()
    ]
    return {name: "x" for name in [*names, HEALER]}


async def test_it_trusts_the_brokers_own_authority_and_no_other(tmp_path: Path) -> None:
    from deploy.compose.certificates import Authority

    authority = Authority(tmp_path)
    certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
    authority.server(["rabbitmq", "localhost"], certificate, key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'[{"name": "fee", "messages": 3}]'
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server:
        trusting = Comparison(FLOW, {}, f"https://a:b@localhost:{port}?cafile={authority.certificate_file}")
        assert await trusting._depths() == {"fee": 3}
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await Comparison(FLOW, {}, f"https://a:b@localhost:{port}")._depths()
