"""Addresses of what intake answers, relative to the service."""

from uuid import UUID


def of_application(number: str) -> dict[str, str]:
    """Return the links of an application."""
    base = f"/v1/applications/{number}"
    return {
        "self": base,
        "plan": f"{base}/plan",
        "progress": f"{base}/progress",
        "results": f"{base}/results",
        "rectifications": f"{base}/rectifications",
        "withdrawal": f"{base}/withdrawal",
    }


def of_upload(upload: UUID) -> dict[str, str]:
    """Return the links of an upload."""
    return {"self": f"/v1/uploads/{upload}"}


def of_material(number: str, material: str, sha256: str) -> str:
    """Return the address of a file of a dossier."""
    return f"/v1/applications/{number}/materials/{material}/file?sha256={sha256}"


def of_authorisation(number: str) -> str:
    """Return the address of the agent's authorisation."""
    return f"/v1/applications/{number}/agent/authorisation"
