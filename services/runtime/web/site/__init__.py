"""What the pages of all services share: language, frame, components, style, errors for people."""

from services.runtime.web.site.site import Site, install, site_of

__all__ = ["Site", "install", "site_of"]
