"""A real Prometheus with our own configuration and rules, watching a real center."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import yaml

from deploy.launcher.center import Center
from deploy.prometheus.targets import labels
from deploy.servers.children import Child, free_ports
from tests.operate.asked import PROMETHEUS, ROOT, RULES
from tests.waiting import until

EVERY = "2s"  # a test has no time for the fifteen seconds of a center


class Watcher:
    """A running Prometheus as one asks it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=10)

    def get(self, path: str, **params: Any) -> Any:
        """What the HTTP API answers; AssertionError with its reason for a bad query."""
        told = self._http.get(f"/api/v1/{path}", params=params).json()
        assert told["status"] == "success", f"{params}: {told.get('error')}"
        return told["data"]

    def has_data(self, expr: str) -> bool:
        """Whether the expression answers with at least one number."""
        data = self.get("query", query=expr)
        samples = [data] if data["resultType"] == "scalar" else [each["value"] for each in data["result"]]
        values = [sample["result"][1] if isinstance(sample, dict) else sample[1] for sample in samples]
        return any(not math.isnan(float(value)) for value in values)

    def by_process(self, expr: str) -> dict[str, float]:
        """A figure of every process that has one, by the process's name: ``fee``, ``review/fire``, ``rabbitmq``."""
        found = {}
        for each in self.get("query", query=expr)["result"]:
            told = each["metric"]
            parts = [told.get("service") or told["job"], told.get("department")]
            found["/".join(part for part in parts if part)] = float(each["value"][1])
        return found

    def values(self, label: str, metric: str) -> list[str]:
        """The values a label has, as a dashboard's variable asks."""
        found: list[str] = self.get(f"label/{label}/values", **{"match[]": metric})
        return found

    def series(self, selector: str) -> list[dict[str, str]]:
        """The label sets of all series that match."""
        found: list[dict[str, str]] = self.get("series", **{"match[]": selector})
        return found

    def firing(self, severity: str) -> list[str]:
        """The alerts of this severity that fire now."""
        active = [each for each in self.get("alerts")["alerts"] if each["state"] == "firing"]
        return sorted(
            each["labels"]["alertname"] for each in active if each["labels"]["severity"] == severity
        )

    def exemplar_traces(self, metric: str) -> set[str]:
        """The traces that points of ``metric`` lead to (of the last hour)."""
        end = float(self.get("query", query="time()")["result"][1])
        found = self.get("query_exemplars", query=metric, start=end - 3600, end=end + 5)
        return {each["labels"]["trace_id"] for series in found for each in series["exemplars"]}

    def unhealthy_rules(self) -> list[str]:
        """Rules whose last evaluation failed."""
        groups = self.get("rules")["groups"]
        return [rule["name"] for group in groups for rule in group["rules"] if rule.get("lastError")]


def installed() -> str | None:
    """The server's program, where there is one."""
    return shutil.which("prometheus") if shutil.which("promtool") else None


def _configuration(center: Center, own: str, healer: str) -> dict[str, Any]:
    """The committed configuration with this center's addresses instead of the containers'."""
    told: dict[str, Any] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    told["global"] = {"scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": EVERY}
    del told["alerting"]
    assert center.broker.prometheus, "the broker shows no figures"
    broker = urlsplit(center.broker.prometheus).netloc
    places: dict[str, Any] = {
        "onewindow": [
            {"targets": [f"127.0.0.1:{house.port}"], "labels": labels(house.service, house.department)}
            for house in center.houses
        ],
        "rabbitmq": [{"targets": [broker]}],
        "rabbitmq-queues": [{"targets": [broker]}],
        "healer": [{"targets": [healer]}],
        "prometheus": [{"targets": [own]}],
    }
    told["scrape_configs"] = [
        {
            **{key: value for key, value in job.items() if not key.endswith("_configs")},
            "static_configs": places[job["job_name"]],
        }
        for job in told["scrape_configs"]
        if job["job_name"] in places
    ]
    return told


@contextmanager
def watching(center: Center, folder: Path) -> Iterator[Watcher]:
    """A Prometheus on a private port for as long as the context lasts."""
    program = installed()
    assert program, "no Prometheus here"
    own, healer = (f"127.0.0.1:{port}" for port in free_ports(2))
    (folder / "rules").mkdir(parents=True)
    for path in RULES:
        shutil.copy(path, folder / "rules" / path.name)
    configuration = folder / "prometheus.yml"
    configuration.write_text(yaml.safe_dump(_configuration(center, own, healer)), encoding="utf-8")
    command = [
        program, f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={own}", "--enable-feature=exemplar-storage", "--log.level=warn",
    ]  # fmt: skip
    child = Child("prometheus", command, folder, remove=[folder / "data"])
    looking = [
        sys.executable, "-m", "deploy.launcher", "heal", "--watch", "--run-dir", str(center.run_dir),
        "--metrics-port", healer.rpartition(":")[2],
    ]  # fmt: skip
    heals = Child("healer", looking, folder, cwd=str(ROOT))
    child.start()
    try:
        heals.start()
        watcher = Watcher(f"http://{own}")
        until(lambda: _is_ready(watcher.url), seconds=30)
        yield watcher
    finally:
        heals.close()
        child.close()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
