"""What the pages of all services share: language, frame, components, style, errors for people."""

from services.runtime.web.site.assets import AssetsMissingError
from services.runtime.web.site.site import Site

__all__ = ["AssetsMissingError", "Site"]
