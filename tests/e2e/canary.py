"""A person and a company that must not be found where personal data has no business."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from temporalio.client import Client

from services.intake.identity import credit_check, resident_check

_COMPANY_BODY, _PERSON_BODY = "91410426MA7CANARY", "41042619800317731"
COMPANY_NAME, PERSON_NAME = "白鹭金丝雀餐饮公司", "钱莺啼"
COMPANY_ID = _COMPANY_BODY + credit_check(_COMPANY_BODY)
PERSON_ID = _PERSON_BODY + resident_check(_PERSON_BODY)
COMPANY_PHONE, PERSON_PHONE = "0375-86420975", "13903759753"
ADDRESS, PROJECT_NAME, FILE_NAME = "白鹭巷 9137 号", "莺啼小馆", "钱莺啼授权书.pdf"
PROJECT = {"name": PROJECT_NAME, "address": ADDRESS}
APPLICANT = {
    "name": COMPANY_NAME,
    "kind": "company",
    "id_number": COMPANY_ID,
    "phone": COMPANY_PHONE,
}
AGENT = {"name": PERSON_NAME, "id_number": PERSON_ID, "phone": PERSON_PHONE}
TEXTS = (
    COMPANY_NAME,
    PERSON_NAME,
    COMPANY_ID,
    PERSON_ID,
    COMPANY_PHONE,
    PERSON_PHONE,
    ADDRESS,
    PROJECT_NAME,
    FILE_NAME,
)


def found_in(content: bytes) -> list[str]:
    """Return what of the canary stands in some bytes, however JSON has spelt it."""
    return [text for text in TEXTS if any(one in content for one in _spellings(text))]


def _spellings(text: str) -> Iterator[bytes]:
    yield text.encode()
    yield json.dumps(text).strip('"').encode()
    yield json.dumps(text).strip('"').upper().replace("\\U", "\\u").encode()


def in_files(folder: Path) -> dict[str, list[str]]:
    """Return what was found in the files below a folder, by file."""
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and (texts := found_in(file.read_bytes())):
            found[str(file.relative_to(folder))] = texts
    return found


async def in_database(dsn: str) -> dict[str, list[str]]:
    """Return what was found in the rows of a database, by table."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "SELECT quote_ident(table_name) AS name FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
            " AND has_table_privilege(quote_ident(table_name), 'SELECT')"
        )
        found = {}
        for table in tables:
            rows = await connection.fetch(f"SELECT * FROM {table['name']}")
            content = b"\n".join(_plain(value) for row in rows for value in row.values())
            if texts := found_in(content):
                found[str(table["name"])] = texts
    finally:
        await connection.close()
    return found


def _plain(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


async def records(bootstrap: str) -> list[bytes]:
    """Return every record of every topic, key, value and headers, from the beginning."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        topics = [name for name in await consumer.topics() if name.startswith("lianshen.")]
        partitions = []
        for name in topics:
            numbers = consumer.partitions_for_topic(name) or set()
            partitions += [TopicPartition(name, number) for number in numbers]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[bytes] = []
        for partition, end in ends.items():
            consumer.seek(partition, 0)
            while await consumer.position(partition) < end:
                batch = await consumer.getmany(partition, timeout_ms=1000)
                for record in (one for several in batch.values() for one in several):
                    headers = b"".join(value for _, value in record.headers)
                    found.append((record.key or b"") + (record.value or b"") + headers)
    finally:
        await consumer.stop()
    return found


async def histories(address: str, namespace: str) -> dict[str, bytes]:
    """Return everything Temporal keeps of each workflow, payloads as they are."""
    client = await Client.connect(address, namespace=namespace)
    found = {}
    async for one in client.list_workflows(""):
        handle = client.get_workflow_handle(one.id, run_id=one.run_id)
        history = await handle.fetch_history()
        # The JSON form of a history has its payloads in base64, where nothing would be found.
        content = b"".join(event.SerializeToString() for event in history.events)
        found[one.id] = content + json.dumps(str(one.typed_search_attributes)).encode()
    return found
