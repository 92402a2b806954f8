"""What a service is told: variables before files, files before defaults, and addresses that mean TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.compose.certificates import Authority
from libs.broker import open_broker
from libs.database import driver_url, tls
from libs.healthy import ready
from libs.settings import ServiceSettings


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ONEWINDOW_SECRETS_DIR", str(tmp_path))
    return tmp_path


def test_a_secret_comes_from_a_file_and_a_variable_overrules_it(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files / "onewindow_database_url").write_text("postgresql://from-file/x\n")
    (files / "onewindow_sites").write_text('{"intake": "http://x/intake"}')
    assert ServiceSettings().database_url == "postgresql://from-file/x"
    assert ServiceSettings().sites == {"intake": "http://x/intake"}
    monkeypatch.setenv("ONEWINDOW_DATABASE_URL", "postgresql://from-variable/x")
    assert ServiceSettings().database_url == "postgresql://from-variable/x"
    monkeypatch.setenv("ONEWINDOW_DATABASE_URL", "")
    assert ServiceSettings().database_url == "postgresql://from-file/x"


def test_an_empty_variable_is_an_absent_one(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEWINDOW_CLOCK_FILE", "")
    assert ServiceSettings().clock_file is None


@pytest.mark.parametrize("path", ["intake", "/in take", "//evil", "/a/../b"])
def test_a_public_path_that_is_none_is_refused(path: str) -> None:
    assert ServiceSettings(public_path="/review/fire/").public_path == "/review/fire"
    with pytest.raises(ValidationError):
        ServiceSettings(public_path=path)


def test_what_an_address_says_of_tls_reaches_the_driver_and_nothing_falls_back(tmp_path: Path) -> None:
    ca = Authority(tmp_path).certificate_file
    url = f"postgresql://u:p@db:5432/fee?sslmode=verify-full&sslrootcert={ca}"
    assert driver_url(url) == "postgresql+asyncpg://u:p@db:5432/fee"
    context = tls(url)["ssl"]
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert len(context.get_ca_certs()) == 1
    assert tls("postgresql://db/fee") == {}
    assert tls("postgresql://db/fee?sslmode=require") == {"ssl": "require"}
    for mode in ("prefer", "allow", "no"):
        with pytest.raises(ValueError, match="sslmode"):
            tls(f"postgresql://db/fee?sslmode={mode}")


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[int, Path, list[bytes]]]:
    """Somebody who speaks TLS and hangs up after the greeting: its port, its authority's folder, who greeted."""
    authority = Authority(tmp_path)
    authority.server(["rabbitmq"], tmp_path / "s.crt", tmp_path / "s.key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "s.crt", tmp_path / "s.key")
    listener = socket.create_server(("127.0.0.1", 0))
    greeted: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                with context.wrap_socket(listener.accept()[0], server_side=True) as peer:
                    greeted.append(peer.recv(8))
            except ssl.SSLError:
                continue
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1], tmp_path, greeted
    listener.close()


async def test_the_broker_is_believed_by_its_authority_only(
    tls_server: tuple[int, Path, list[bytes]],
) -> None:
    port, folder, greeted = tls_server
    stranger = folder / "other"
    stranger.mkdir()
    Authority(stranger)
    with pytest.raises(ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        await open_broker(
            f"amqps://u:p@127.0.0.1:{port}/permit?cafile={stranger / 'ca.crt'}", logger=None
        ).connect()
    assert greeted == []
    trusting = open_broker(f"amqps://u:p@127.0.0.1:{port}/permit?cafile={folder / 'ca.crt'}", logger=None)
    attempt = asyncio.create_task(trusting.connect())
    async with asyncio.timeout(10):
        while not greeted:
            await asyncio.sleep(0.02)
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    assert greeted[0].startswith(b"AMQP")


def test_health_is_what_readyz_answers() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    answers = [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.0 503 Service Unavailable\r\n\r\n"]

    def serve() -> None:
        for answer in answers:
            with listener.accept()[0] as peer:
                peer.recv(200)
                peer.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    assert ready(port) is True
    assert ready(port) is False
    thread.join(5)
    listener.close()
    assert ready(port) is False
