"""A department's own software, as docs/asyncapi.json tells a department to write it.

It stands on librdkafka, another client than the services use, and imports nothing of theirs.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, Producer
from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).parents[2] / "docs" / "events"
ISSUED, CANCELLED, LAPSE_DUE, DECIDED, LAPSED, RECEIPT = (
    f"lianshen.{name}.v1"
    for name in (
        *("task.issued", "task.cancelled", "task.lapse_due", "task.decided", "task.lapsed"),
        "message.received",
    )
)
CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
AGAIN_S = 1.0
Message = dict[str, Any]


def validators() -> dict[str, Draft202012Validator]:
    """The published schema of every event, by its type."""
    found = {}
    for file in SCHEMAS.glob("*.schema.json"):
        schema = json.loads(file.read_text(encoding="utf-8"))
        found[schema["properties"]["type"]["const"]] = Draft202012Validator(schema)
    return found


@dataclass
class Said:
    """An event of the department's own, kept until it is receipted."""

    key: str
    value: bytes
    at: float = 0.0


@dataclass
class OwnSoftware:
    """One department's software. It decides at once what it is asked to decide.

    Everything it says is said twice, under one id, and with members nobody knows.
    """

    department: str
    bootstrap: str
    silent: bool = False
    heard: list[Message] = field(default_factory=list)
    receipted: set[str] = field(default_factory=set)
    unreceipted: dict[str, Said] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    _seqs: Counter[str] = field(default_factory=Counter)
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.source = f"department/{self.department}"
        self.decisions = f"lianshen.decisions.{self.department}.v1"
        self._validators = validators()
        self.producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 0})

    def heard_types(self) -> Counter[str]:
        """How many events of each type were heard, repetitions not counted."""
        return Counter({one["id"]: one["type"] for one in self.heard}.values())

    @contextmanager
    def running(self) -> Iterator[None]:
        """Work in a thread of its own: this client is not asynchronous."""
        stop = threading.Event()
        thread = threading.Thread(target=self._work, args=(stop,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(timeout=60)
        assert not thread.is_alive()
        assert self.faults == []

    def _work(self, stop: threading.Event) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": f"department-{self.department}",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "session.timeout.ms": 10_000,
            }
        )
        consumer.subscribe([f"lianshen.tasks.{self.department}.v1"])
        try:
            while not stop.is_set():
                record = consumer.poll(0.1)
                if record is not None and record.error() is None:
                    self._take(json.loads(record.value()), dict(record.headers() or ()))
                    consumer.commit(record, asynchronous=True)
                elif record is not None and not _passing(record.error()):
                    self.faults.append(str(record.error()))
                self._say_again()
                self.producer.poll(0)
        except Exception as error:  # shown by the test, which is in another thread
            self.faults.append(repr(error))
        finally:
            consumer.close()
            self.producer.flush(10)

    def _take(self, message: Message, headers: dict[str, bytes]) -> None:
        wrong = [error.message for error in self._validators[message["type"]].iter_errors(message)]
        self.faults += wrong
        if headers.get("content-type") != CONTENT_TYPE.encode():
            self.faults.append(f"headers {headers}")
        if message["type"] == RECEIPT:
            for event_id in message["data"]["event_ids"]:
                if self.unreceipted.pop(event_id, None) is not None:
                    self.receipted.add(event_id)
            return
        self.heard.append(message)
        if message["id"] not in self._seen:
            self._seen.add(message["id"])
            self._answer(message)
        self._receipt(message["id"])

    def _answer(self, message: Message) -> None:
        data = message["data"]
        common = {name: data[name] for name in ("application", "task", "department")}
        if message["type"] == LAPSE_DUE:
            self.say(LAPSED, common | {"lapsed_at": data["due_at"]})
        elif message["type"] == ISSUED and not self.silent:
            outcome = "granted" if data["part"] == "decide" else "no_objection"
            decided = {
                "outcome": outcome,
                "result_number": f"消〔2026〕{len(self._seen)}号",
                "actor_ref": "5f" * 16,
                "actor_role": "chief_representative",
                "decided_at": data["issued_at"],
            }
            self.say(DECIDED, common | decided)

    def say(self, type_: str, data: Message, **over: Any) -> str:
        """Say an event, and again until it is receipted; return its id."""
        message = self.message(type_, data, **over)
        self.faults += [one.message for one in self._validators[type_].iter_errors(message)]
        said = Said(key=data["application"], value=json.dumps(message).encode())
        self.unreceipted[message["id"]] = said
        return str(message["id"])

    def message(self, type_: str, data: Message, **over: Any) -> Message:
        """Return an event of the department's, with its number."""
        application = data["application"]
        if "seq" not in over:
            self._seqs[application] += 1
        return {
            "specversion": "1.0",
            "id": str(uuid4()),
            "type": type_,
            "source": self.source,
            "subject": application,
            "time": datetime.now(UTC).isoformat(),
            "datacontenttype": "application/json",
            "seq": self._seqs[application],
            "vendor": "somebody",
            "data": data | {"stamp": {"colour": "red"}},
        } | over

    def _say_again(self) -> None:
        for said in self.unreceipted.values():
            if time.monotonic() - said.at > AGAIN_S:
                said.at = time.monotonic()
                self.send(said.key, said.value)
                self.send(said.key, said.value)

    def _receipt(self, event_id: str) -> None:
        receipt = self.message(
            RECEIPT,
            {"application": "", "consumer": self.source, "event_ids": [event_id]},
            seq=0,
        )
        del receipt["subject"], receipt["data"]["application"]
        self.faults += [one.message for one in self._validators[RECEIPT].iter_errors(receipt)]
        self.send(self.source, json.dumps(receipt).encode())

    def send(self, key: str, value: bytes, topic: str | None = None) -> None:
        """Send a record as it is."""
        headers: Any = [("content-type", CONTENT_TYPE.encode())]
        self.producer.produce(topic or self.decisions, value=value, key=key, headers=headers)


def _passing(error: KafkaError) -> bool:
    """Whether the client gets over an error by itself: the topic is only now being made."""
    return error.retriable() or error.code() in {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
    }
