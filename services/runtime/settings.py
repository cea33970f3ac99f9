"""What a county sets. Everything comes from the environment, prefix `LIANSHEN_`.

Groups nest with two underscores: `LIANSHEN_KAFKA__BOOTSTRAP`. A value may be kept in a file
instead: `LIANSHEN_DATABASE__PASSWORD_FILE=/run/secrets/db` reads the file, without its last line
break. A service composes what it needs in a `Settings(ServiceSettings)` of its own.
"""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from services.runtime.settings_source import PREFIX, EnvironmentAndFiles, Group


class DatabaseSettings(Group):
    """A service's own Postgres database."""

    dsn: SecretStr = Field(
        default=SecretStr("postgresql://{service}@127.0.0.1:5432/{service}"),
        description="Address of the database; `{service}` is replaced by the service's name.",
    )
    password: SecretStr | None = Field(
        default=None, description="Password, where the address has none."
    )
    owner_dsn: SecretStr | None = Field(
        default=None,
        description="Address with the role that owns the tables, for migrations only. "
        "Default: the service's own role, which then owns what it uses.",
    )
    min_connections: int = Field(default=2, ge=0, description="Connections kept open.")
    max_connections: int = Field(default=10, ge=1, description="Connections at most.")
    connect_timeout: float = Field(default=5.0, gt=0, description="Seconds to wait for a new one.")
    command_timeout: float = Field(default=15.0, gt=0, description="Seconds one statement may run.")
    lock_timeout: float = Field(default=5.0, gt=0, description="Seconds to wait for a lock.")
    idle_transaction: float = Field(
        default=60.0, gt=0, description="Seconds after which an idle transaction is ended."
    )

    def dsn_of(self, service: str) -> str:
        """Return the address of a service's database with the service's role."""
        return _filled(self.dsn, service, self.password)

    def owner_dsn_of(self, service: str) -> str:
        """Return the address for migrations."""
        return self.dsn_of(service) if self.owner_dsn is None else _filled(self.owner_dsn, service)


class KafkaSettings(Group):
    """The broker and how we use it."""

    bootstrap: str = Field(
        default="127.0.0.1:9092", description="`host:port` of brokers to start from, by comma."
    )
    idempotence: bool = Field(
        default=True,
        description="Idempotent producer. Off only for a broker without it (the embedded one).",
    )
    partitions: int | None = Field(
        default=None, ge=1, description="Partitions of every topic, instead of what topics.py says."
    )
    replication: int = Field(
        default=1, ge=1, description="Copies of every partition: 3 in production."
    )
    create_topics: bool = Field(
        default=True, description="Create missing topics; off where the broker's owner does it."
    )
    purge_new_topics: bool = Field(
        default=False,
        description="Throw away what a topic holds when it is created: for the embedded broker, "
        "which takes records for topics it does not have and then loses count.",
    )
    fetch_max_wait_ms: int = Field(
        default=500,
        ge=1,
        description="How long the broker may hold a fetch; 40 on the embedded one.",
    )
    fetch_soon_ms: int | None = Field(
        default=None,
        ge=1,
        description="The same for a second after anything came, unless much comes. Only for a "
        "broker that does not answer a waiting fetch as soon as there is something (the embedded "
        "one).",
    )
    request_timeout_ms: int = Field(
        default=10_000, ge=1_000, description="How long a request to the broker may take."
    )
    session_timeout_ms: int = Field(
        default=10_000, ge=1_000, description="Silence after which a consumer loses its partitions."
    )
    rebalance_timeout_ms: int = Field(
        default=10_000, ge=1_000, description="How long the members of a group may take to meet."
    )
    groups: bool = Field(
        default=True,
        description="Let the broker share topics out among the processes of a service. Off, each "
        "process reads everything: right, and wasteful from two processes on; for the embedded "
        "broker, where a group needs up to a minute to notice that a process has gone.",
    )
    max_poll_interval_ms: int = Field(
        default=300_000, ge=10_000, description="Longest time one batch may take."
    )
    max_batch: int = Field(default=500, ge=1, description="Events handled in one transaction.")
    poll_ms: int = Field(
        default=300, ge=10, description="How long one poll waits; also how fast a stop is noticed."
    )
    check_every: float = Field(
        default=2.0, gt=0, description="Seconds between checks that topics and positions still are."
    )
    pace: float = Field(
        default=0.12,
        ge=0,
        description="Seconds between two batches of a loop, so that each holds more; a tenth of it "
        "while no batch serves several applications. 0: as soon as there is anything to do.",
    )
    receipt_every: float = Field(
        default=0.5,
        ge=0,
        description="Seconds that receipts gather before they are sent together; far below "
        "`resend_after`.",
    )
    commit_every: float = Field(
        default=0.5,
        ge=0,
        description="Seconds between offset commits at least; what is read again is recognised.",
    )
    resend_after: float = Field(
        default=30.0,
        gt=0,
        description="Seconds until an unreceipted event is sent again, doubling.",
    )
    resend_cap: float = Field(
        default=600.0, gt=0, description="Seconds that the doubling stops at."
    )
    attempts: int = Field(
        default=3, ge=1, description="Tries of one event before it becomes a dead letter."
    )
    receipts: bool = Field(
        default=True,
        description="Keep an event until it is receipted, and send receipts. Off, the broker alone "
        "is trusted: only for the test that shows what is lost then.",
    )
    dedup: bool = Field(
        default=True,
        description="Apply an event once and in order. Off only for the test that shows what "
        "happens then.",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="How to talk to the broker: SASL_SSL in production."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="How the service proves its name to the broker."
    )
    username: str | None = Field(default=None, description="The service's name at the broker.")
    password: SecretStr | None = Field(default=None, description="Its password at the broker.")
    ca_file: Path | None = Field(
        default=None, description="Certificates to trust instead of the system's (PEM)."
    )


class OidcSettings(Group):
    """The installation's OpenID provider."""

    issuer: str = Field(
        default="http://127.0.0.1:9080", description="`iss` of the tokens that are accepted."
    )
    audience: str = Field(default="lianshen", description="`aud` a token must contain.")
    jwks_url: str = Field(
        default="http://127.0.0.1:9080/jwks", description="Where the provider's keys are read."
    )
    discovery_url: str | None = Field(
        default=None,
        description="Where the provider's own description is read, if not below the issuer: where "
        "people and services reach the provider at different addresses.",
    )
    client_id: str = Field(
        default="lianshen-pages", description="The pages' own name at the provider."
    )
    client_secret: SecretStr | None = Field(
        default=None,
        description="Its secret there. Without it nobody can log in to the pages; the API works.",
    )
    session_minutes: int = Field(
        default=60,
        ge=1,
        le=720,
        description="How long a login to the pages holds at most; never longer than its token.",
    )


class TelemetrySettings(Group):
    """Where traces and logs go."""

    otlp_endpoint: str | None = Field(
        default=None, description="OTLP/HTTP address for spans, ending in /v1/traces."
    )
    span_folder: Path | None = Field(
        default=None, description="Folder for spans as JSON lines, one file to a service."
    )
    sample_ratio: float = Field(
        default=1.0, ge=0, le=1, description="Share of the traces that is kept."
    )
    export_interval_seconds: float = Field(
        default=1.0, gt=0, description="How often finished spans are sent."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severe log record that is written."
    )


class ClockSettings(Group):
    """Business time. Anything but real time is for training, the demo and tests."""

    demo: bool = Field(
        default=False, description="This installation is a demo; every page says so."
    )
    seconds_per_working_day: float | None = Field(
        default=None,
        gt=0,
        description="Real seconds that one working day takes; not set: real time. Needs `demo`.",
    )
    state_file: Path | None = Field(
        default=None, description="File the processes of a demo share their clock through."
    )

    @model_validator(mode="after")
    def _fast_only_in_a_demo(self) -> Self:
        if self.seconds_per_working_day is None:
            return self
        if not self.demo:
            raise ValueError("seconds_per_working_day is refused unless demo is true")
        if self.state_file is None:
            raise ValueError("a clock that is not real time needs state_file")
        return self


class HttpSettings(Group):
    """The service's HTTP server."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=1, le=65535, description="Port to listen on.")
    public_url: str | None = Field(
        default=None, description="Address people reach the service at, where a proxy is in front."
    )
    trusted_proxies: str = Field(
        default="127.0.0.1", description="Proxies whose X-Forwarded headers count, by comma."
    )
    max_body_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1, description="Largest form, with its files, that is read."
    )
    max_json_bytes: int = Field(
        default=1024 * 1024, ge=1, description="Largest request body of any other kind."
    )
    assets: Path = Field(
        default=Path("deploy/web/node_modules"),
        description="What npm installed for the pages; without it a service has its API alone.",
    )
    concurrent_requests: int = Field(
        default=256, ge=1, description="Requests at a time; a process answers 503 to more."
    )
    requests_per_second: float = Field(
        default=50.0,
        ge=0,
        description="Requests of one client, by its verified token or else its address; a process "
        "answers 429 to more. 0: no limit.",
    )
    request_burst: int = Field(
        default=200, ge=1, description="Requests a client may make at once after a rest."
    )
    limit_loopback: bool = Field(
        default=False,
        description="Count requests from this machine too. A proxy here says who asks "
        "(X-Forwarded-For).",
    )


class AuditSettings(Group):
    """The signed log of acts."""

    key_file: Path | None = Field(
        default=None,
        description="Ed25519 private key (PKCS #8, PEM) that signs checkpoints; not set: the "
        "acts are recorded, but no process of this service signs them.",
    )
    seal_seconds: float = Field(
        default=10.0, gt=0, description="Seconds between checkpoints, when there are new acts."
    )


class CatalogueSettings(Group):
    """What the county owns as data."""

    folder: Path = Field(
        default=Path("deploy/catalogue"), description="Folder of catalogue versions."
    )
    calendar_folder: Path = Field(
        default=Path("deploy/calendar"), description="Folder of calendar years."
    )
    samples_folder: Path | None = Field(
        default=None,
        description="Folder of samples of materials; default: `samples` beside `folder`.",
    )


class ServiceSettings(BaseSettings):
    """What every service needs; each adds its own groups."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="ignore",
    )

    database: DatabaseSettings = Field(
        default_factory=DatabaseSettings, description="The service's own Postgres database."
    )
    kafka: KafkaSettings = Field(
        default_factory=KafkaSettings, description="The broker and how we use it."
    )
    oidc: OidcSettings = Field(
        default_factory=OidcSettings, description="The installation's OpenID provider."
    )
    telemetry: TelemetrySettings = Field(
        default_factory=TelemetrySettings, description="Where traces and logs go."
    )
    clock: ClockSettings = Field(default_factory=ClockSettings, description="Business time.")
    http: HttpSettings = Field(
        default_factory=HttpSettings, description="The service's HTTP server."
    )
    audit: AuditSettings = Field(
        default_factory=AuditSettings, description="The signed log of acts."
    )
    catalogue: CatalogueSettings = Field(
        default_factory=CatalogueSettings, description="What the county owns as data."
    )
    hash_key: SecretStr | None = Field(
        default=None,
        description="Key of the keyed hashes that stand for people; at least 16 bytes, the same "
        "for all services, never changed.",
    )

    @field_validator("hash_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value().encode()) < 16:  # noqa: PLR2004  see text
            raise ValueError("hash_key must have at least 16 bytes")
        return key

    @model_validator(mode="after")
    def _guards_off_only_in_a_demo(self) -> Self:
        if not (self.kafka.receipts and self.kafka.dedup) and not self.clock.demo:
            raise ValueError("kafka.receipts and kafka.dedup may be off in a demo only")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  replaced by our own
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  not used
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  not used
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then the environment with its `_FILE` variables. No .env files."""
        return init_settings, EnvironmentAndFiles(settings_cls)


def _filled(dsn: SecretStr, service: str, password: SecretStr | None = None) -> str:
    address = dsn.get_secret_value().replace("{service}", service)
    parts = urlsplit(address)
    if password is None or parts.password is not None:
        return address
    user = quote(parts.username or service, safe="")
    place = parts.netloc.rpartition("@")[2]
    secret = quote(password.get_secret_value(), safe="")
    return urlunsplit(parts._replace(netloc=f"{user}:{secret}@{place}"))
