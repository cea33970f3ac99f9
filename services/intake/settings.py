"""What intake needs besides what every service needs."""

from pathlib import Path

from pydantic import Field

from services.runtime.settings import Group, ServiceSettings

MEGABYTE = 1024 * 1024


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


class Settings(ServiceSettings):
    """Everything intake reads from its environment."""

    uploads: UploadSettings = Field(
        default_factory=UploadSettings, description="Files that investors hand in."
    )
