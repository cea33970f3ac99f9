"""Settings of the letters that are sent besides being in the inbox."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from services.runtime.settings_source import Group

FILE = "file"


class LetterSettings(Group):
    """Letters by text message and e-mail. Without an adapter they are in the inbox alone."""

    adapter: str | None = Field(
        default=None,
        pattern=r"^(file|[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*)$",
        description="`module:function` that returns the adapter, or `file`: nothing is sent, and "
        "what would be is written to files.",
    )
    folder: Path = Field(
        default=Path("letters"),
        description="Folder of the adapter `file`: a file for each channel and day, kept 30 days.",
    )
    language: Literal["zh-CN", "en"] = Field(
        default="zh-CN", description="In which letters are sent; the inbox has both."
    )
    every: float = Field(default=5.0, gt=0, description="Seconds between looks for what is unsent.")
    timeout: float = Field(default=10.0, gt=0, description="Seconds that one sending may take.")
    again_after: float = Field(
        default=60.0, gt=0, description="Seconds before a letter is tried again; doubled each time."
    )
    not_after_hours: float = Field(
        default=72.0, gt=0, description="A letter older than this is not sent any more."
    )
