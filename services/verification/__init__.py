"""Reads all stores and checks what must hold: `lianshen verify`, the demonstration, the tests."""

from services.verification.report import Finding, Report
from services.verification.run import verify
from services.verification.sources import Sources, SourcesError

__all__ = ["Finding", "Report", "Sources", "SourcesError", "verify"]
