"""Deeds of publication: keep tariffs and items exactly as published, each version once and for ever."""

from __future__ import annotations

from typing import Any

from libs.refusals import Refusal
from libs.work import Work
from services.fee import storage
from services.fee.domain.tariffs import Tariff, require_basis
from services.fee.messages import ServiceItemPublished, TariffPublished


class PublishedTwice(Refusal):
    """A published version never changes; a change is a new version (AL 59)."""

    code = "version_published_twice"
    title = "This version was published before."


async def keep_tariff(work: Work, data: TariffPublished, body: dict[str, Any]) -> None:
    """Keep a published tariff version; ``body`` is the document exactly as it was published."""
    require_basis(data)
    known = await work.get(storage.TARIFFS, data.tariff_code)
    known = known or storage.TariffVersions(tariff_code=data.tariff_code)
    if any(tariff.version == data.version for tariff in known.versions):
        raise PublishedTwice(f"{data.tariff_code} version {data.version}")
    tariff = Tariff.model_validate(body)
    versions = sorted([*known.versions, tariff], key=lambda each: each.version)
    work.put(storage.TARIFFS, known.model_copy(update={"versions": tuple(versions)}))
    work.add(
        storage.TARIFF_VERSIONS,
        tariff_code=data.tariff_code,
        version=data.version,
        charge_kind=data.charge_kind,
        subject_code=data.subject_code,
        payee=data.payee,
        in_force_from=data.in_force_from,
        in_force_until=data.in_force_until,
        published_on=data.published_on,
        body=body,
    )


async def keep_item(work: Work, data: ServiceItemPublished) -> None:
    """Keep what a published item version says about its charge."""
    if await work.get(storage.ITEMS, data.item_code, str(data.version)) is not None:
        raise PublishedTwice(f"{data.item_code} version {data.version}")
    fee = data.fee
    work.put(
        storage.ITEMS,
        storage.ItemVersion(
            item_code=data.item_code,
            item_version=str(data.version),
            name=data.name,
            tariff_code=fee.tariff_code if fee else None,
            timing=fee.timing if fee else None,
            inputs=fee.inputs if fee else {},
        ),
    )
