"""Addresses of what intake answers, relative to the service."""

from urllib.parse import quote
from uuid import UUID

VERIFICATION = "/v1/public/verification"
INQUIRIES = "/v1/inquiries"
REGISTER = "/v1/public/results"


def of_public_material(material: str) -> str:
    """Return the address of what is public about a material."""
    return f"/v1/catalogue/materials/{material}"


def of_application(number: str) -> dict[str, str]:
    """Return the links of an application."""
    base = f"/v1/applications/{number}"
    return {
        "self": base,
        "plan": f"{base}/plan",
        "progress": f"{base}/progress",
        "results": f"{base}/results",
        "documents": f"{base}/documents",
        "bill": f"{base}/bill",
        "acceptance": f"{base}/acceptance",
        "supplements": f"{base}/supplements",
        "papers": f"{base}/papers",
        "rectifications": f"{base}/rectifications",
        "ratings": f"{base}/ratings",
        "withdrawal": f"{base}/withdrawal",
    }


def of_inquiry(number: str) -> dict[str, str]:
    """Return the links of a written answer."""
    base = f"{INQUIRIES}/{number}"
    return {"self": base, "document": f"{base}/document"}


def of_bill(number: str) -> dict[str, str]:
    """Return the links of a bill."""
    base = f"/v1/applications/{number}/bill"
    return {"self": base, "payments": f"{base}/payments"}


def of_upload(upload: UUID) -> dict[str, str]:
    """Return the links of an upload."""
    return {"self": f"/v1/uploads/{upload}"}


def of_material(number: str, material: str, sha256: str) -> str:
    """Return the address of a file of a dossier."""
    return f"/v1/applications/{number}/materials/{material}/file?sha256={sha256}"


def of_authorisation(number: str) -> str:
    """Return the address of the agent's authorisation."""
    return f"/v1/applications/{number}/agent/authorisation"


def of_document(number: str, name: str) -> str:
    """Return the address of a document of an application."""
    return f"/v1/applications/{number}/documents/{name}"


def of_grant(number: str) -> str:
    """Return where a grant stands in the public register."""
    return f"{REGISTER}/{quote(number, safe='')}"
