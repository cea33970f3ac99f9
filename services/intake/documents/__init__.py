"""Documents as files: printed as PDF/A-2b, sealed with a digital signature (PAdES)."""


class SealError(Exception):
    """The key or the certificate of the seal cannot be used; the message says why."""
