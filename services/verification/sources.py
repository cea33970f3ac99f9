"""Where the stores are: of an embedded stack, or as an operator names them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.contracts.vocabulary import Service
from services.orchestrator.settings import TemporalSettings
from services.runtime.audit import log_name
from services.runtime.embedded.place import read_running
from services.runtime.notes import NoteError, Signer, Verifier

PREFIX = "LIANSHEN_"


class SourcesError(Exception):
    """The stores cannot be read; the message says which and what to do."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Everything a verification reads. A service without a verifier key is noted, not checked."""

    dsns: Mapping[Service, str]
    verifiers: Mapping[Service, Verifier]
    catalogue: Path
    calendar: Path
    temporal: TemporalSettings


def of_stack(data: Path) -> Sources:
    """Return the stores of the stack that runs on a data folder. Raises SourcesError."""
    running = read_running(data)
    if running is None or not running.alive:
        raise SourcesError(f"No stack is running on {data}: start one with `lianshen up`.")
    missing = [service for service in Service if service not in running.environment]
    if missing:
        raise SourcesError(f"The stack on {data} does not run {', '.join(missing)} (yet).")
    found = {service: _Variables(running.environment[service]) for service in Service}
    first = found[Service.INTAKE]
    orchestrator = found[Service.ORCHESTRATOR]
    return Sources(
        dsns={service: one["DATABASE__DSN"] for service, one in found.items()},
        verifiers={
            service: _verifier(service, Path(one["AUDIT__KEY_FILE"]))
            for service, one in found.items()
        },
        catalogue=Path(first["CATALOGUE__FOLDER"]),
        calendar=Path(first["CATALOGUE__CALENDAR_FOLDER"]),
        temporal=TemporalSettings(
            address=orchestrator["TEMPORAL__ADDRESS"], namespace=orchestrator["TEMPORAL__NAMESPACE"]
        ),
    )


class _Variables:
    """The variables of one service, without their prefix."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def __getitem__(self, name: str) -> str:
        return self._environment[PREFIX + name]


def _verifier(service: Service, private_key: Path) -> Verifier:
    try:
        return Signer.load(log_name(service), private_key).verifier
    except (OSError, NoteError) as error:
        raise SourcesError(f"The key of the log of {service} cannot be read: {error}") from error


def verifiers_of(files: list[Path]) -> dict[Service, Verifier]:
    """Return verifier keys (`lianshen audit key`) by the service whose log they name.

    Raises SourcesError for a file that holds none.
    """
    names = {log_name(service): service for service in Service}
    found = {}
    for file in files:
        try:
            verifier = Verifier.parse(file.read_text(encoding="utf-8"))
            found[names[verifier.name]] = verifier
        except (OSError, NoteError, KeyError) as error:
            raise SourcesError(f"{file} holds no verifier key of a service") from error
    return found
