"""The documents under docs/ say what the code says, and are well formed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from services.commands.contract import DOCS, Kind, documents, settings_models, stale
from services.contracts.events import EVENTS, Receipt
from services.contracts.topics import TOPICS
from services.contracts.vocabulary import Service
from services.runtime.settings import Group

ASYNCAPI = json.loads((DOCS / "asyncapi.json").read_text(encoding="utf-8"))
OWN = "department/{department}"


@pytest.mark.parametrize("kind", Kind)
def test_no_document_is_stale(kind: Kind) -> None:
    made = documents(kind)
    assert made
    assert stale(made, DOCS) == [], "run `lianshen contract --write`"


def test_no_document_is_left_over() -> None:
    made = documents()
    kept = [*(DOCS / "events").iterdir(), *(DOCS / "openapi").iterdir()]
    assert {file.relative_to(DOCS).as_posix() for file in kept} <= made.keys()


def test_a_stale_document_is_noticed() -> None:
    assert stale({"settings.md": "something else", "nothing.md": ""}, DOCS) == [
        "settings.md",
        "nothing.md",
    ]


def references(content: Any) -> Iterator[str]:
    """Yield every reference in a document."""
    match content:
        case dict():
            for name, value in content.items():
                if name == "$ref":
                    yield value
                else:
                    yield from references(value)
        case list():
            for value in content:
                yield from references(value)


def followed(document: dict[str, Any], reference: str) -> Any:
    """Return what a reference leads to."""
    place: Any = document
    for part in reference.removeprefix("#/").split("/"):
        place = place[part.replace("~1", "/").replace("~0", "~")]
    return place


def test_every_reference_leads_somewhere() -> None:
    found = set(references(ASYNCAPI))
    assert len(found) > len(EVENTS)
    for reference in found:
        assert followed(ASYNCAPI, reference), reference


def test_the_document_has_what_asyncapi_3_asks_for() -> None:
    allowed = {"asyncapi", "id", "info", "defaultContentType", "servers"}
    assert set(ASYNCAPI) == allowed | {"channels", "operations", "components"}
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert ASYNCAPI["info"]["title"]
    assert ASYNCAPI["info"]["version"]
    for server in ASYNCAPI["servers"].values():
        assert server["host"]
        assert server["protocol"] in {"kafka", "kafka-secure"}
    for channel in ASYNCAPI["channels"].values():
        named = {part.split("}")[0] for part in channel["address"].split("{")[1:]}
        assert set(channel.get("parameters", {})) == named
        assert channel["description"]
    for operation in ASYNCAPI["operations"].values():
        assert operation["action"] in {"send", "receive"}
        channel = followed(ASYNCAPI, operation["channel"]["$ref"])
        place = operation["channel"]["$ref"] + "/messages/"
        allowed = {place + name for name in channel["messages"]}
        assert {one["$ref"] for one in operation["messages"]} <= allowed
        assert operation["messages"]
    for message in ASYNCAPI["components"]["messages"].values():
        assert message["contentType"] == "application/cloudevents+json; charset=UTF-8"
        assert message["summary"]


def test_every_topic_is_a_channel_with_its_messages() -> None:
    channels = {one["address"]: one for one in ASYNCAPI["channels"].values()}
    assert set(channels) == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        channel = channels[topic.name]
        names = {followed(ASYNCAPI, one["$ref"])["name"] for one in channel["messages"].values()}
        assert names == {model.TYPE for model in topic.models}
        kafka = channel["bindings"]["kafka"]
        assert kafka["partitions"] == topic.partitions
        assert kafka["topicConfiguration"]["retention.ms"] == topic.retention_ms
    assert {one["name"] for one in ASYNCAPI["components"]["messages"].values()} == set(EVENTS)


def test_everybody_who_writes_or_reads_a_topic_has_an_operation() -> None:
    found = {
        (
            operation["action"],
            followed(ASYNCAPI, operation["channel"]["$ref"])["address"],
            operation["tags"][0]["name"],
        )
        for operation in ASYNCAPI["operations"].values()
    }
    expected = set()
    for topic in TOPICS:
        for action, parties in (("send", topic.producers), ("receive", topic.consumers)):
            for party in parties:
                names = list(Service) if party == "{service}" else [party]
                expected |= {
                    (action, topic.name, "department" if name == OWN else str(name))
                    for name in names
                }
    assert found == expected


def test_own_software_may_write_receipts_and_the_queues_service_need_not() -> None:
    def messages(operation: str) -> set[str]:
        found = ASYNCAPI["operations"][operation]["messages"]
        return {one["$ref"].rpartition("/")[2] for one in found}

    said = {
        *("ExaminationDone", "TaskDecided", "TaskLapsed", "SessionTold"),
        *("TaskPaused", "TaskPauseEnded", "TaskExtended", "TaskSentUp"),
    }
    assert messages("department.send.decisions") == {*said, "Receipt"}
    assert messages("departments.send.decisions") == said
    assert messages("department.receive.tasks") >= {"TaskIssued", "Receipt"}


@pytest.mark.parametrize("model", EVENTS.values(), ids=lambda model: model.TYPE)
def test_every_message_is_documented_with_examples_that_its_schema_allows(model: Any) -> None:
    message = ASYNCAPI["components"]["messages"][model.__name__]
    # As AsyncAPI's tools see it: the payload's references lead into the whole document.
    schema = {**message["payload"], "components": ASYNCAPI["components"]}
    validator = Draft202012Validator(schema)
    assert len(message["examples"]) >= 2
    for example in message["examples"]:
        assert [error.message for error in validator.iter_errors(example["payload"])] == []
    assert not validator.is_valid({**message["examples"][0]["payload"], "data": {}})
    assert ("correlationId" in message) == (model is not Receipt)
    assert model.__doc__
    for field in model.model_fields:
        assert field in validator.schema["components"]["schemas"][model.__name__]["properties"]


@pytest.mark.parametrize("service", Service)
def test_every_setting_is_described(service: Service) -> None:
    model = settings_models()[service]
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    for name, field in model.model_fields.items():
        kind = field.annotation
        assert field.description, name
        if not (isinstance(kind, type) and issubclass(kind, Group)):
            assert f"`LIANSHEN_{name}`".upper() in page.upper()
            continue
        assert kind.__doc__
        for inner, leaf in kind.model_fields.items():
            assert leaf.description, f"{name}.{inner}"
            assert f"| `LIANSHEN_{name.upper()}__{inner.upper()}` |" in page
