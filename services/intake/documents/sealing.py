"""The electronic seal: a PAdES baseline signature (ETSI EN 319 142) over the whole document.

The signature certifies the document (DocMDP: no change allowed) and leaves it PDF/A-2b: the field
has no appearance, what is said of the seal is printed. The instant in it is real time, as the
certificate's validity is. A reliable electronic signature has the force of a seal (电子签名法 14);
whether a certificate makes it one is decided by whoever issued it.
"""

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko_certvalidator import ValidationContext

from services.domain.catalogue import Name
from services.intake.documents import SealError

FIELD = "Seal"


@dataclass(frozen=True, kw_only=True)
class Seal:
    """A key with its certificate. Safe to use from several threads."""

    certificate: x509.Certificate
    signer: signers.SimpleSigner

    @classmethod
    def load(cls, key_file: Path, certificate_file: Path, chain_file: Path | None = None) -> "Seal":
        """Read a private key (PKCS #8, PEM), its certificate and the chain above it (PEM).

        Raises:
            SealError: a file cannot be read, or the key is not the certificate's.
        """
        try:
            key = load_pem_private_key(key_file.read_bytes(), password=None)
            certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise SealError(f"the seal cannot be read: {type(error).__name__}") from error
        form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
            raise SealError("the key of the seal is not the one of its certificate")
        chain = (str(chain_file),) if chain_file else None
        load: Any = signers.SimpleSigner.load  # it has no types
        signer = load(str(key_file), str(certificate_file), ca_chain_files=chain)
        if signer is None:
            raise SealError("the chain of the seal's certificate cannot be read")
        return cls(certificate=certificate, signer=signer)

    @property
    def is_test(self) -> bool:
        """Whether nobody but itself vouches for the certificate."""
        return self.certificate.issuer == self.certificate.subject

    @property
    def subject(self) -> str:
        """Whom the certificate names (RFC 4514)."""
        return self.certificate.subject.rfc4514_string()

    @property
    def pem(self) -> bytes:
        """The certificate, PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in hexadecimal."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def words(self) -> Name:
        """What is printed about the seal."""
        name = self.subject
        if self.is_test:
            return Name(
                zh=f"本件以测试证书作电子签名，不具法律效力。签名证书：{name}",
                en="Signed with a test certificate: without legal effect.",
            )
        return Name(
            zh=f"本件已加盖电子印章（数字签名），与盖章纸质件具有同等效力。签名证书：{name}",
            en="Sealed electronically; any change breaks the signature.",
        )

    def apply(self, pdf: bytes) -> bytes:
        """Return a document with the signature appended.

        Raises:
            SealError: the certificate is not valid now.
        """
        now = datetime.now(UTC)
        certificate = self.certificate
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise SealError(f"the certificate of the seal is not valid on {now:%Y-%m-%d}")
        metadata = signers.PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm="sha256",
            subfilter=fields.SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        )
        out = signers.PdfSigner(metadata, self.signer).sign_pdf(
            IncrementalPdfFileWriter(io.BytesIO(pdf))
        )
        return bytes(out.getvalue())


def is_genuine(pdf: bytes, certificate: bytes) -> bool:
    """Whether a file is sealed with this certificate (PEM), as it is, from end to end.

    Nothing is fetched; the certificate itself is what is trusted.
    """
    try:
        trusted = [*load_certs_from_pemder_data(certificate)]
        signatures = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
        context = ValidationContext(trust_roots=trusted, allow_fetching=False)
        return len(signatures) == 1 and bool(
            validate_pdf_signature(signatures[0], context).bottom_line
        )
    except (PdfError, SignatureValidationError, ValueError):
        return False
