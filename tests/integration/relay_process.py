"""A relay in a process of its own, for the test that kills it. Arguments: dsn, settings, topic."""

import asyncio
import sys

from pydantic import SecretStr

from services.runtime.db import open_pool
from services.runtime.loops import Pulse
from services.runtime.relay import Relay
from services.runtime.settings import DatabaseSettings, KafkaSettings


async def main(dsn: str, settings: str, topic: str) -> None:
    pool = await open_pool(DatabaseSettings(dsn=SecretStr(dsn)), service="orchestrator")
    relay = Relay(
        pool=pool,
        settings=KafkaSettings.model_validate_json(settings),
        service="orchestrator",
        topics=[topic],
    )
    await relay.run(Pulse("relay"), asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
