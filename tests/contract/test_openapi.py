"""The OpenAPI documents are manuals: every operation described, with examples and its errors."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator

from services.commands.contract import DOCS
from services.contracts.vocabulary import Service

DOCUMENTS = {
    service: json.loads((DOCS / "openapi" / f"{service}.json").read_text(encoding="utf-8"))
    for service in Service
}
HEALTH = {"alive", "ready"}
PROBLEM = "application/problem+json"


class Operation(NamedTuple):
    """An operation and the document it is in."""

    method: str
    path: str
    content: dict[str, Any]
    document: dict[str, Any]


def operations() -> Iterator[Any]:
    for service, document in DOCUMENTS.items():
        for path, methods in document["paths"].items():
            for method, content in methods.items():
                operation = Operation(method, path, content, document)
                yield pytest.param(operation, id=f"{service} {method.upper()} {path}")


OPERATIONS = list(operations())


def check(operation: Operation, content: dict[str, Any]) -> int:
    """Check the examples of a body against its schema; return how many there are."""
    schema = content["schema"]
    if reference := schema.get("$ref"):
        named = operation.document["components"]["schemas"][reference.rpartition("/")[2]]
    else:
        named = schema
    found = [one["value"] for one in content.get("examples", {}).values()]
    found += [content["example"]] if "example" in content else []
    found += named.get("examples", [])
    validator = Draft202012Validator({**schema, "components": operation.document["components"]})
    for example in found:
        assert [error.message for error in validator.iter_errors(example)] == []
    return len(found)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_described(operation: Operation) -> None:
    content = operation.content
    assert len(content["description"].split()) >= 3
    assert content["operationId"]
    assert content["tags"]
    for parameter in content.get("parameters", ()):
        assert parameter.get("description"), parameter["name"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_has_examples_that_its_schemas_allow(operation: Operation) -> None:
    body = operation.content.get("requestBody")
    for content in (body or {}).get("content", {}).values():
        assert check(operation, content) > 0
    for status, response in operation.content["responses"].items():
        for kind, content in response.get("content", {}).items():
            if kind == PROBLEM or (kind == "application/json" and status[0] == "2"):
                assert check(operation, content) > 0, status


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_error_is_documented_as_a_problem(operation: Operation) -> None:
    content = operation.content
    if content["operationId"] in HEALTH:
        return
    errors = {status: r for status, r in content["responses"].items() if status[0] in "45"}
    assert {"500", "503"} <= errors.keys()
    for response in errors.values():
        assert list(response["content"]) == [PROBLEM]
        for name, example in response["content"][PROBLEM]["examples"].items():
            assert example["value"]["type"] == f"urn:lianshen:problem:{name}"
    if content.get("security"):
        assert {"401", "403"} <= errors.keys()
    if content.get("parameters") or content.get("requestBody"):
        assert "422" in errors
    if content.get("requestBody"):
        assert {"400", "413"} <= errors.keys()


def test_only_the_disclosure_the_plan_the_register_and_health_are_open_to_everybody() -> None:
    open_ = {
        (service, operation["operationId"])
        for service, document in DOCUMENTS.items()
        for methods in document["paths"].values()
        for operation in methods.values()
        if not operation.get("security") and operation["operationId"] not in HEALTH
    }
    public = {
        *("read_catalogue", "list_items", "read_item", "list_scenarios", "read_scenario"),
        *("read_material", "preview_plan", "list_approvals"),
        *("list_grants", "list_grants_as_csv", "read_grant"),
        *("verify_document", "read_seal_certificate"),
    }
    performance = (Service.ORCHESTRATOR, "read_performance")
    assert open_ == {performance} | {(Service.INTAKE, name) for name in public}


@pytest.mark.parametrize("service", Service)
def test_the_document_is_openapi_3_1_with_short_names(service: Service) -> None:
    document = DOCUMENTS[service]
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"]
    assert document["info"]["description"]
    names = [o.values[0].content["operationId"] for o in OPERATIONS if o.id.startswith(service)]
    assert len(names) == len(set(names))
    assert [name for name in document["components"]["schemas"] if "__" in name] == []
