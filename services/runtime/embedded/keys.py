"""Keys that the stack makes once and keeps in its data folder."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
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


_SEAL_NAME = "联审 测试印章"
_SEAL_LASTS = timedelta(days=3650)
_RENEW_BEFORE = timedelta(days=30)


def ensure_test_seal(folder: Path) -> tuple[Path, Path]:
    """Return the files of a P-256 key and of its test certificate, made if they are missing.

    Nobody but itself vouches for the certificate: what is sealed with it says that it is a test.
    An old one is made anew before it ends.
    """
    key_file, certificate_file = folder / "seal-key.pem", folder / "seal-certificate.pem"
    now = datetime.now(UTC)
    if not (key_file.exists() and certificate_file.exists() and _lasts(certificate_file, now)):
        make_folder(folder, mode=0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_private(key_file, key.private_bytes(*form).decode())
        pem = _test_certificate(key, now).public_bytes(Encoding.PEM)
        write_private(certificate_file, pem.decode())
    return key_file, certificate_file


def _lasts(certificate_file: Path, now: datetime) -> bool:
    found = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    return found.not_valid_after_utc - now > _RENEW_BEFORE


def _test_certificate(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _SEAL_NAME)])
    usage = dict.fromkeys(
        (
            *("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign"),
            *("crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _SEAL_LASTS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, content_commitment=True, **usage), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
