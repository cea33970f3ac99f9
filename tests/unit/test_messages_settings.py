"""Settings: where they come from, what is refused, and what the broker's clients are made with."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from aiokafka.consumer.fetcher import Fetcher
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from services.contracts.topics import TOPICS, all_names
from services.runtime.decoding import place_of
from services.runtime.kafka import consumer_options, producer_options
from services.runtime.messages import new_event_id
from services.runtime.settings import (
    ClockSettings,
    DatabaseSettings,
    KafkaSettings,
    ServiceSettings,
)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("LIANSHEN_")]:
        monkeypatch.delenv(name)


def described(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, str | None]]:
    for name, field in model.model_fields.items():
        yield f"{path}{name}", field.description
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from described(inner, f"{path}{name}.")


def test_every_setting_is_described() -> None:
    assert [name for name, text in described(ServiceSettings) if not text] == []


def test_what_makes_sending_safe_is_set() -> None:
    options = producer_options(KafkaSettings())
    assert (options["acks"], options["enable_idempotence"]) == ("all", True)
    assert producer_options(KafkaSettings(idempotence=False))["acks"] == "all"


def test_what_makes_reading_safe_is_set() -> None:
    options = consumer_options(KafkaSettings(), group="intake")
    assert options["auto_offset_reset"] == "earliest"
    assert options["enable_auto_commit"] is False
    assert options["group_id"] == "intake"
    assert options["request_timeout_ms"] > options["rebalance_timeout_ms"]
    assert options["heartbeat_interval_ms"] * 3 < options["session_timeout_ms"]


def test_a_production_broker_is_reached_with_tls_and_a_password(tmp_path: Path) -> None:
    settings = KafkaSettings.model_validate(
        {"security_protocol": "SASL_SSL", "username": "intake", "password": "secret"}
    )
    options = producer_options(settings)
    assert options["ssl_context"].check_hostname
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("intake", "secret")
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert "secret" not in repr(settings)


def test_a_secret_is_read_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "password"
    file.write_text("p@ss/word\n")
    monkeypatch.setenv("LIANSHEN_DATABASE__PASSWORD_FILE", str(file))
    settings = ServiceSettings()
    assert settings.database.dsn_of("intake") == (
        "postgresql://intake:p%40ss%2Fword@127.0.0.1:5432/intake"
    )
    assert "p@ss" not in repr(settings)


def test_a_setting_whose_name_ends_in_file_is_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIANSHEN_KAFKA__CA_FILE", "/etc/ssl/ca.pem")
    assert ServiceSettings().kafka.ca_file == Path("/etc/ssl/ca.pem")


def test_a_value_that_is_given_twice_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIANSHEN_HASH_KEY", "k" * 16)
    monkeypatch.setenv("LIANSHEN_HASH_KEY_FILE", str(tmp_path))
    with pytest.raises(ValueError, match="LIANSHEN_HASH_KEY"):
        ServiceSettings()


def test_a_misspelt_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIANSHEN_KAFKA__BOOTSTRP", "x")
    with pytest.raises(ValidationError):
        ServiceSettings()


def test_a_short_hash_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIANSHEN_HASH_KEY", "short")
    with pytest.raises(ValidationError):
        ServiceSettings()


def test_fast_time_is_refused_outside_a_demo() -> None:
    with pytest.raises(ValidationError, match="demo"):
        ClockSettings(seconds_per_working_day=1)
    with pytest.raises(ValidationError, match="state_file"):
        ClockSettings(seconds_per_working_day=1, demo=True)
    assert ClockSettings(seconds_per_working_day=1, demo=True, state_file=Path("clock.json")).demo


@pytest.mark.parametrize("guard", ["RECEIPTS", "DEDUP"])
def test_a_guard_cannot_be_switched_off_outside_a_demo(
    monkeypatch: pytest.MonkeyPatch, guard: str
) -> None:
    monkeypatch.setenv(f"LIANSHEN_KAFKA__{guard}", "false")
    with pytest.raises(ValidationError):
        ServiceSettings()
    monkeypatch.setenv("LIANSHEN_CLOCK__DEMO", "true")
    ServiceSettings()


def test_migrations_may_use_a_role_of_their_own() -> None:
    settings = DatabaseSettings.model_validate(
        {
            "dsn": "postgresql://{service}@db/{service}",
            "owner_dsn": "postgresql://owner:o@db/{service}",
        }
    )
    assert settings.dsn_of("intake") == "postgresql://intake@db/intake"
    assert settings.owner_dsn_of("intake") == "postgresql://owner:o@db/intake"


def test_every_topic_of_the_contract_has_its_place() -> None:
    for name, topic in all_names(["fire", "natural-resources"]):
        place = place_of(name)
        assert place is not None
        assert place.topic is topic
        assert not any("{" in producer for producer in place.producers)
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


@pytest.mark.parametrize(
    "name",
    ["", "lianshen.tasks..v1", "lianshen.applications.v2", "lianshen.tasks.fire.v1x", "other"],
)
def test_a_foreign_topic_has_no_place(name: str) -> None:
    assert place_of(name) is None


@given(st.integers(2, 50))
def test_event_ids_are_uuid7_and_rise_with_time(count: int) -> None:
    made = [new_event_id() for _ in range(count)]
    assert all((one.version, one.variant) == (7, UUID(int=0x8 << 60).variant) for one in made)
    assert len(set(made)) == count
    times = [one.int >> 80 for one in made]
    assert times == sorted(times)


def test_the_client_reads_the_wait_of_each_fetch_where_the_consumer_sets_it() -> None:
    assert "_fetch_max_wait_ms" in Fetcher._get_actions_per_node.__code__.co_names
