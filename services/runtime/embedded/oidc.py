"""The OpenID Connect provider of the stack: each person of the demo, as a client and as a login."""

import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey

from services.contracts.vocabulary import Role
from services.runtime.embedded.errors import StackError
from services.runtime.embedded.files import Secrets, make_folder, write_private
from services.runtime.embedded.node import EMBEDDED, node_environment, node_module, node_program
from services.runtime.embedded.ports import LOOPBACK
from services.runtime.embedded.process import Child
from services.runtime.embedded.temporal import http_status

AUDIENCE = "lianshen"
# A resource indicator must be a URI (RFC 8707); the audience in the tokens is the plain name.
_RESOURCE = "urn:lianshen"
PAGES_CLIENT = "lianshen-pages"
_TOKEN_SECONDS = 3600
_START_S = 30.0
_CALLED = {"officer": "窗口人员", "chief": "首席代表", "head": "部门负责人"}


@dataclass(frozen=True, kw_only=True)
class OidcClient:
    """One client of the provider: who may fetch tokens, and the claims in them."""

    client_id: str
    roles: tuple[Role, ...]
    department: str | None = None

    @property
    def called(self) -> str:
        """What pages call whoever logs in as this client: nobody in a demonstration has a name."""
        if self.department is None:
            return self.client_id
        return f"{_CALLED[self.client_id.partition('-')[0]]} {self.department}"


def clients_for(departments: Sequence[str]) -> tuple[OidcClient, ...]:
    """Return the clients of a county with these departments, by department code.

    `investor`, `investor-2`, `supervisor`, `operator`, `government-head`, and for each department
    `officer-<code>`, `chief-<code>` and `head-<code>`.
    """
    officer, chief = Role.OFFICER, Role.CHIEF_REPRESENTATIVE
    people_of = (
        ("officer", (officer,)),
        ("chief", (officer, chief)),
        ("head", (Role.DEPARTMENT_HEAD,)),
    )
    people = [
        OidcClient(client_id="investor", roles=(Role.INVESTOR,)),
        OidcClient(client_id="investor-2", roles=(Role.INVESTOR,)),
        OidcClient(client_id="supervisor", roles=(Role.SUPERVISOR,)),
        OidcClient(client_id="operator", roles=(Role.OPERATOR,)),
        OidcClient(client_id="government-head", roles=(Role.GOVERNMENT_HEAD,)),
    ]
    for code in departments:
        for prefix, roles in people_of:
            people.append(OidcClient(client_id=f"{prefix}-{code}", roles=roles, department=code))
    return tuple(people)


def password_of(secrets: Secrets) -> str:
    """Return what everybody of a data folder logs in to the pages with."""
    return secrets.get("people", 9)


class OidcProvider:
    """oidc-provider on the wheel's Node. Tokens are JWTs of RFC 9068, ES256, valid for one hour.

    A program takes the tokens of a client with its secret; a person logs in to the pages with the
    client's id as name and the one password of the data folder, and gets the same claims.

    Claims beside the standard ones: `roles` (list) and `department` (text, absent for people who
    belong to none). `sub` is the client's id.
    """

    name = "oidc"

    def __init__(
        self, data: Path, *, port: int, secrets: Secrets, clients: Sequence[OidcClient]
    ) -> None:
        """Describe it; `pages` are the addresses people may come back to, set before it starts."""
        self.port = port
        self._data = data
        self._secrets = secrets
        self.pages: tuple[str, ...] = ()
        self.clients = {client.client_id: client for client in clients}
        self.child = Child(self.name, data, stop_signal=signal.SIGTERM, grace_s=5.0)

    @property
    def issuer(self) -> str:
        """The issuer, exactly as in the tokens."""
        return f"http://{LOOPBACK}:{self.port}"

    def secret_of(self, client_id: str) -> str:
        """Return the secret of a client, the same in every run on this data folder.

        Raises:
            KeyError: there is no such client.
        """
        return self._secrets.get(f"client:{self.clients[client_id].client_id}")

    @property
    def password(self) -> str:
        """What everybody of the demo logs in with."""
        return password_of(self._secrets)

    @property
    def pages_secret(self) -> str:
        """The secret of the client that the pages are."""
        return self._secrets.get(f"client:{PAGES_CLIENT}")

    async def start(self) -> None:
        """Write the configuration, start the provider, wait for its discovery document.

        Raises:
            StackError: it is not installed or does not start.
        """
        if node_module("oidc-provider") is None:
            raise StackError("The OpenID provider is not installed: run `make setup` first.")
        config = make_folder(self._data / "oidc", mode=0o700) / "provider.json"
        write_private(config, json.dumps(self._settings(), indent=2))
        command = [
            *(node_program(), "--max-old-space-size=128"),
            *(str(EMBEDDED / "provider.mjs"), str(config)),
        ]
        await self.child.spawn(command, env=node_environment(), cwd=EMBEDDED)
        await self.child.until(self.is_ready, seconds=_START_S)

    async def stop(self) -> None:
        """Stop the provider; tokens already issued stay valid, the signing key is kept."""
        await self.child.stop()

    async def is_ready(self) -> bool:
        """Return whether the discovery document can be read."""
        return await http_status(self.port, "/.well-known/openid-configuration") == HTTPStatus.OK

    def _settings(self) -> dict[str, Any]:
        return {
            "port": self.port,
            "issuer": self.issuer,
            "resource": _RESOURCE,
            "audience": AUDIENCE,
            "accessTokenSeconds": _TOKEN_SECONDS,
            "signingKey": self._signing_key(),
            "cookieKey": self._secrets.get("oidc-cookies"),
            "password": self.password,
            "pages": {
                "client_id": PAGES_CLIENT,
                "client_secret": self.pages_secret,
                "addresses": list(self.pages),
            },
            "people": [
                {
                    "id": client.client_id,
                    "name": client.called,
                    "roles": list(client.roles),
                    "department": client.department,
                }
                for client in self.clients.values()
            ],
            "clients": [
                {
                    "client_id": client.client_id,
                    "client_secret": self.secret_of(client.client_id),
                    "roles": list(client.roles),
                    "department": client.department,
                }
                for client in self.clients.values()
            ],
        }

    def _signing_key(self) -> dict[str, Any]:
        """Return the private JWK, made on the first start: its id is its thumbprint (RFC 7638)."""
        file = self._data / "oidc" / "signing-key.json"
        if not file.exists():
            key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True)
            key.ensure_kid()
            write_private(file, json.dumps(key.as_dict(private=True)))
        found: dict[str, Any] = json.loads(file.read_text())
        return found
