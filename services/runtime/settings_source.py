"""Where settings come from: the environment, and files that the environment names."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from pydantic_settings import EnvSettingsSource

PREFIX = "LIANSHEN_"
FILE_SUFFIX = "_FILE"


class Group(BaseModel):
    """Base of the groups: frozen, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EnvironmentAndFiles(EnvSettingsSource):
    """The environment, in which `NAME_FILE=path` stands for `NAME=<content of the file>`."""

    def _load_env_vars(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {
            name.lower(): value for name, value in os.environ.items() if name.startswith(PREFIX)
        }
        for name, value in os.environ.items():
            plain = name.removesuffix(FILE_SUFFIX)
            if plain == name or not name.startswith(PREFIX) or self._is_setting(name):
                continue
            if plain in os.environ:
                raise ValueError(f"both {plain} and {name} are set")
            del found[name.lower()]
            found[plain.lower()] = Path(value).read_text(encoding="utf-8").removesuffix("\n")
        return found

    def _is_setting(self, variable: str) -> bool:
        """Return whether a variable that ends in `_FILE` is itself the name of a setting."""
        group, _, field = variable.removeprefix(PREFIX).lower().partition("__")
        outer = self.settings_cls.model_fields.get(group)
        inner = None if outer is None else outer.annotation
        return isinstance(inner, type) and issubclass(inner, Group) and field in inner.model_fields
