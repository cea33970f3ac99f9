"""The broker's clients, with every setting that matters written down, and the topics."""

import ssl
from collections.abc import Iterable
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from services.contracts.topics import Topic
from services.runtime.decoding import place_of
from services.runtime.settings import KafkaSettings

BATCH_BYTES = 512 * 1024
REQUEST_BYTES = 1024 * 1024
_log = structlog.get_logger(__name__)


class UnknownTopicError(LookupError):
    """A topic that contracts/topics.py does not know."""


def producer_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return what the producers are made with.

    A record counts as sent when every replica in sync has it, and a retry does not write it twice
    (where the broker can do that).
    """
    return _client_options(settings) | {
        "acks": "all",
        "enable_idempotence": settings.idempotence,
        "linger_ms": 0,  # the relay sends what it claimed as one batch; waiting would only add time
        "max_batch_size": BATCH_BYTES,
        "max_request_size": REQUEST_BYTES,
    }


def consumer_options(settings: KafkaSettings, *, group: str) -> dict[str, Any]:
    """Return what the consumers are made with.

    A group that is new, or that has lost its offsets, starts at the beginning: what it has seen it
    recognises. Offsets are committed by hand, after the transaction. Joining a group is a request
    that the broker answers when all members have come, or their time is over.
    """
    meeting_ms = max(settings.rebalance_timeout_ms, settings.session_timeout_ms)
    return _client_options(settings) | {
        "request_timeout_ms": settings.request_timeout_ms + meeting_ms,
        "group_id": group,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "isolation_level": "read_uncommitted",
        "fetch_max_wait_ms": settings.fetch_max_wait_ms,
        "max_poll_interval_ms": settings.max_poll_interval_ms,
        "rebalance_timeout_ms": settings.rebalance_timeout_ms,
        "session_timeout_ms": settings.session_timeout_ms,
        "heartbeat_interval_ms": settings.session_timeout_ms // 4,
    }


def make_producer(settings: KafkaSettings, *, client_id: str) -> AIOKafkaProducer:
    """Return a producer that is not started."""
    return AIOKafkaProducer(client_id=client_id, **producer_options(settings))


def make_consumer(settings: KafkaSettings, *, group: str, client_id: str) -> AIOKafkaConsumer:
    """Return a consumer that is not started and reads nothing yet."""
    return AIOKafkaConsumer(client_id=client_id, **consumer_options(settings, group=group))


class TopicKeeper:
    """Sees to it that topics exist; a broker that lost them gets them back."""

    def __init__(self, settings: KafkaSettings, *, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._admin: AIOKafkaAdminClient | None = None

    async def missing(self, names: Iterable[str]) -> list[str]:
        """Return which of the topics do not exist, sorted.

        Raises:
            KafkaError, OSError: the broker is not there, or refuses.
        """
        try:
            admin = await self._connected()
            return sorted(set(names) - set(await admin.list_topics()))
        except (KafkaError, OSError):
            await self.close()
            raise

    async def ensure(self, names: Iterable[str]) -> list[str]:
        """Create the topics that are missing; return their names.

        Raises:
            UnknownTopicError: a name that is not ours.
            KafkaError, OSError: the broker is not there, or refuses.
        """
        missing = await self.missing(names)
        if missing and self._settings.create_topics:
            admin = await self._connected()
            await self._create(admin, missing)
            if self._settings.purge_new_topics:
                await admin.delete_topics(missing)
                await self._create(admin, missing)
            _log.info("topics created", topics=missing)
        return missing

    async def partitions(self, names: Iterable[str]) -> list[TopicPartition]:
        """Return every partition of topics that exist.

        Raises:
            KafkaError, OSError: the broker is not there, or refuses.
        """
        admin = await self._connected()
        described = await admin.describe_topics(list(names))
        return [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in described
            for partition in topic["partitions"]
        ]

    async def close(self) -> None:
        """Close the connection; `ensure` opens it again."""
        if self._admin is not None:
            admin, self._admin = self._admin, None
            await admin.close()

    async def _connected(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            admin = AIOKafkaAdminClient(
                client_id=self._client_id, **_client_options(self._settings)
            )
            try:
                await admin.start()
            except BaseException:
                await admin.close()
                raise
            self._admin = admin
        return self._admin

    async def _create(self, admin: AIOKafkaAdminClient, missing: Iterable[str]) -> None:
        answer = await admin.create_topics([self._new(name) for name in missing])
        for name, code, *_ in answer.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise error(f"topic {name}")

    def _new(self, name: str) -> NewTopic:
        place = place_of(name)
        if place is None:
            raise UnknownTopicError(name)
        topic: Topic = place.topic
        return NewTopic(
            name=name,
            num_partitions=self._settings.partitions or topic.partitions,
            replication_factor=self._settings.replication,
            topic_configs={"retention.ms": str(topic.retention_ms)},
        )


async def ensure_topics(settings: KafkaSettings, names: Iterable[str]) -> list[str]:
    """Create the topics that are missing, once; return their names.

    Raises:
        UnknownTopicError: a name that is not ours.
        KafkaError, OSError: the broker is not there, or refuses.
    """
    keeper = TopicKeeper(settings, client_id="lianshen-topics")
    try:
        return await keeper.ensure(names)
    finally:
        await keeper.close()


def _client_options(settings: KafkaSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap,
        "request_timeout_ms": settings.request_timeout_ms,
        "retry_backoff_ms": 100,
        "metadata_max_age_ms": 60_000,
        "security_protocol": settings.security_protocol,
    }
    if settings.security_protocol.endswith("SSL"):
        ca_file = str(settings.ca_file) if settings.ca_file else None
        options["ssl_context"] = ssl.create_default_context(cafile=ca_file)
    if settings.security_protocol.startswith("SASL"):
        password = settings.password
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.username
        options["sasl_plain_password"] = password.get_secret_value() if password else None
    return options
