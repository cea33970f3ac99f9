"""Keys that the stack makes once and keeps in its data folder."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.runtime.embedded.files import make_folder, write_private


def ensure_audit_key(file: Path) -> Path:
    """Return the file of an Ed25519 private key (PKCS #8, PEM), made with mode 0600 if missing."""
    if not file.exists():
        make_folder(file.parent, mode=0o700)
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_private(file, pem.decode())
    return file
