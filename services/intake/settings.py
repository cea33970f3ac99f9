"""What intake needs besides what every service needs."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from services.intake.letters_settings import LetterSettings
from services.runtime.settings import ServiceSettings
from services.runtime.settings_source import Group

MEGABYTE = 1024 * 1024
SANDBOX = "sandbox"


class UploadSettings(Group):
    """Files that investors hand in. A form must fit into `http.max_body_bytes` as well."""

    folder: Path = Field(
        default=Path("uploads"),
        description="Folder of the files, outside every folder that a web server serves.",
    )
    max_file_bytes: int = Field(
        default=32 * MEGABYTE, ge=1024, description="Largest file that is taken."
    )
    max_members: int = Field(
        default=2_000, ge=1, description="Parts inside one office document at most."
    )
    max_expanded_bytes: int = Field(
        default=128 * MEGABYTE, ge=1024, description="Size of an office document when unpacked."
    )
    max_ratio: int = Field(
        default=100, ge=1, description="How many times larger a part may become when unpacked."
    )
    max_pixels: int = Field(
        default=100_000_000, ge=1, description="Width times height of an image at most."
    )


class DraftSettings(Group):
    """Applications that investors are filling in."""

    keep_days: int = Field(
        default=180,
        ge=1,
        description="Days after which a draft that nobody touched is removed with its files: "
        "longer than collecting papers takes, and personal data is kept no longer than needed.",
    )


class SealSettings(Group):
    """The electronic seal of documents. Without it intake hands out no documents."""

    key_file: Path | None = Field(
        default=None, description="Private key of the seal (PKCS #8, PEM): RSA or elliptic curve."
    )
    certificate_file: Path | None = Field(
        default=None,
        description="Certificate of the key (PEM). One that vouches for itself is a test "
        "certificate, and every page says so.",
    )
    chain_file: Path | None = Field(
        default=None, description="Certificates above it (PEM), put into every signature."
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.key_file is None) != (self.certificate_file is None):
            raise ValueError("key_file and certificate_file belong together")
        return self


class PaymentSettings(Group):
    """The payment system that fees are paid through. Without it a bill is shown, not paid."""

    adapter: str | None = Field(
        default=None,
        pattern=r"^(sandbox|[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*)$",
        description="`module:function` that returns the adapter, or `sandbox`: no money moves, "
        "everything is confirmed, and is marked so.",
    )
    timeout: float = Field(default=10.0, gt=0, description="Seconds one question to it may take.")
    ask_every: float = Field(
        default=15.0, gt=0, description="Seconds between questions about what is under way."
    )


class Settings(ServiceSettings):
    """Everything intake reads from its environment."""

    uploads: UploadSettings = Field(
        default_factory=UploadSettings, description="Files that investors hand in."
    )
    drafts: DraftSettings = Field(
        default_factory=DraftSettings, description="Applications that are being filled in."
    )
    seal: SealSettings = Field(
        default_factory=SealSettings, description="The electronic seal of documents."
    )
    payment: PaymentSettings = Field(
        default_factory=PaymentSettings, description="The payment system for fees."
    )
    letters: LetterSettings = Field(
        default_factory=LetterSettings, description="Letters by text message and e-mail."
    )
    performance_url: str | None = Field(
        default=None,
        description="Address of the public page with the departments' performance; without it the "
        "portal's menu has no link to it.",
    )
