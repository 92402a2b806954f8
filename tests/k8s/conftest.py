"""Both overlays as a cluster would get them, built once."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from deploy.kubernetes.check import built
from deploy.kubernetes.kustomize import Object

Objects = list[Object]


@pytest.fixture(scope="session")
def local() -> Objects:
    """The local overlay, with secrets made for the test."""
    return built("local")


@pytest.fixture(scope="session")
def production() -> Objects:
    """The production overlay."""
    return built("production")


@pytest.fixture
def changed(production: Objects) -> Callable[..., Objects]:
    """A copy of the production overlay in which one object was changed: the planted breach."""

    def change(kind: str, name: str, alter: Callable[[Object], object]) -> Objects:
        objects = [
            copy.deepcopy(each) if (each["kind"], each["metadata"]["name"]) == (kind, name) else each
            for each in production
        ]
        (one,) = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
        alter(one)
        return objects

    return change
