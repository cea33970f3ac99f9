"""Sealed documents: what is printed, PDF/A-2b, and a signature that any change breaks."""

import io
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pypdfium2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext

from services.domain import sheets
from services.domain.catalogue import ItemKind, Name
from services.domain.sheets import Application, Decided, Sheet
from services.intake.documents import SealError
from services.intake.documents.press import Press, address_of
from services.intake.documents.printing import Printer, chinese_date
from services.intake.documents.sealing import Seal
from services.intake.settings import SealSettings
from services.runtime.embedded.keys import ensure_test_seal
from services.runtime.hashing import Hasher
from services.runtime.press import legible

NOW = datetime(2026, 3, 2, 1, 30, 0, 123_456, tzinfo=UTC)
NUMBER = "QX20260302-000001-0"
CODE = "MZXW-6YTB-OI4D-QNBQ"
OF = Application(
    number=NUMBER,
    project_code="2603-410402-04-01-123456",
    project_name="年产五万台水泵搬迁项目",
    applicant="示例泵业有限公司",
    scenario=Name(zh="工业厂房", en="Plant"),
)
RESULT = Decided(
    item="FIRE-DESIGN",
    item_name=Name(zh="消防设计审查", en="Fire design review"),
    department=Name(zh="住房和城乡建设局", en="Housing and Construction Bureau"),
    kind=ItemKind.PERMIT,
    paper=Name(zh="建设工程消防设计审查意见书", en="Fire design review opinion"),
    number="消审字〔2026〕第12号",
    dated=date(2026, 3, 10),
    reasons=("疏散楼梯净宽不足 1.10 米，不符合 GB 50016 第 5.5.18 条。",),
    remedies=("六十日内向市人民政府申请行政复议", "六个月内向人民法院提起行政诉讼"),
    conditions=("施工前完成消防水源接驳",),
)
GRANT = sheets.grant(OF, RESULT)
REFUSAL = sheets.refusal(OF, RESULT)
SEAL_WORDS = Name(zh="电子印章", en="Sealed electronically")


@cache
def shared_printer() -> Printer:
    return Printer()


@pytest.fixture
def printer() -> Printer:
    return shared_printer()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return ensure_test_seal(tmp_path_factory.mktemp("seal"))


@pytest.fixture(scope="module")
def seal(files: tuple[Path, Path]) -> Seal:
    return Seal.load(*files)


def printed(printer: Printer, sheet: Sheet) -> bytes:
    url = address_of("https://centre.example", sheet.number, CODE)
    return printer.pdf(sheet, code=CODE, url=url, seal=SEAL_WORDS, is_test=True, at=NOW)


def text_of(pdf: bytes) -> str:
    """All text of a PDF, without blanks and line ends."""
    pages = pypdfium2.PdfDocument(pdf)
    return "".join("".join(page.get_textpage().get_text_range().split()) for page in pages)


def marker(pdf: bytes) -> tuple[str, str]:
    """What part and conformance of ISO 19005 the document claims."""
    metadata = PdfFileReader(io.BytesIO(pdf)).root["/Metadata"].data
    about = etree.fromstring(metadata)
    space = "{http://www.aiim.org/pdfa/ns/id/}"

    def value(name: str) -> str:
        found = [one.text for one in about.iter(f"{space}{name}")]
        found += [one.get(f"{space}{name}") for one in about.iter() if one.get(f"{space}{name}")]
        [only] = found
        assert only is not None
        return only

    return value("part"), value("conformance")


def checked(pdf: bytes, seal: Seal) -> PdfSignatureStatus:
    """Validate the one signature of a document."""
    trusted = [*load_certs_from_pemder_data(seal.pem)]
    [signature] = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    context = ValidationContext(trust_roots=trusted, allow_fetching=False)
    return validate_pdf_signature(signature, context)


@pytest.mark.parametrize("sheet", [GRANT, REFUSAL], ids=["grant", "refusal"])
def test_everything_a_sheet_says_is_in_the_document(printer: Printer, sheet: Sheet) -> None:
    text = text_of(printed(printer, sheet))
    wanted = [sheet.issuer.zh, sheet.title.zh, sheet.number, sheet.addressee, CODE]
    wanted += [one.zh for one in sheet.text] + [one.en for one in sheet.text]
    wanted += [one.value for one in sheet.lines]
    wanted += [point for one in sheet.sections for point in one.points]
    wanted += ["2026年3月10日", "测试TEST", SEAL_WORDS.zh]
    assert [one for one in wanted if "".join(one.split()) not in text] == []


def test_a_document_is_pdf_a_2b_before_and_after_it_is_sealed(printer: Printer, seal: Seal) -> None:
    plain = printed(printer, GRANT)
    assert plain.endswith(b"\n")
    assert marker(plain) == marker(seal.apply(plain)) == ("2", "B")


def test_the_same_sheet_is_printed_to_the_same_bytes(printer: Printer) -> None:
    assert printed(printer, GRANT) == printed(printer, GRANT) != printed(printer, REFUSAL)


def test_many_points_go_on_over_several_pages(printer: Printer) -> None:
    long = RESULT.model_copy(update={"reasons": tuple(f"第{n}条理由" * 12 for n in range(60))})
    pdf = printed(printer, sheets.refusal(OF, long))
    assert len(pypdfium2.PdfDocument(pdf)) > 1
    assert "第59条理由" in text_of(pdf)


def test_a_character_without_a_glyph_stands_as_its_code_point(printer: Printer) -> None:
    of = OF.model_copy(update={"applicant": "𠮷田😀\u202e有限公司"})
    text = text_of(printed(printer, sheets.grant(of, RESULT)))
    assert "〔U+20BB7〕田〔U+1F600〕有限公司" in text


@given(st.text(max_size=40))
@settings(max_examples=40, deadline=None)
def test_no_text_of_anybody_can_keep_a_document_from_being_made(given_text: str) -> None:
    of = OF.model_copy(update={"project_name": given_text, "applicant": f"#{given_text}[*"})
    assert printed(shared_printer(), sheets.grant(of, RESULT)).startswith(b"%PDF")


def test_text_is_never_taken_for_markup(printer: Printer) -> None:
    nasty = '#panic("x") $1/0$ *a* @ref <b> \\ "'
    of = OF.model_copy(update={"project_name": nasty})
    assert "".join(nasty.split()) in text_of(printed(printer, sheets.grant(of, RESULT)))


def test_only_texts_are_made_legible() -> None:
    value = {"a": ["x\u202ey", 1, True, None], "b": {"c": "é"}}
    assert legible(value, {ord("x"), ord("y")}) == {
        "a": ["xy", 1, True, None],
        "b": {"c": "〔U+00E9〕"},
    }


def test_a_date_is_written_as_in_official_papers() -> None:
    assert chinese_date(date(2026, 3, 2)) == "2026年3月2日"


def test_the_seal_is_valid_and_covers_the_whole_file(printer: Printer, seal: Seal) -> None:
    status = checked(seal.apply(printed(printer, GRANT)), seal)
    assert status.bottom_line
    assert status.summary() == "INTACT:TRUSTED,UNTOUCHED"
    assert status.docmdp_ok


def test_a_changed_byte_breaks_the_seal(printer: Printer, seal: Seal) -> None:
    sealed = seal.apply(printed(printer, GRANT))
    changed = bytearray(sealed)
    changed[sealed.index(b"stream") + 30] ^= 1
    status = checked(bytes(changed), seal)
    assert status.valid
    assert not status.intact
    assert not status.bottom_line


def test_no_byte_anywhere_can_be_changed(printer: Printer, seal: Seal) -> None:
    sealed = seal.apply(printed(printer, GRANT))
    gap = range(sealed.index(b"/Contents <"), sealed.index(b"/ByteRange"))  # the signature itself
    places = [place for place in range(0, len(sealed), 997) if place not in gap]
    assert len(places) > 30
    for place in places:
        changed = bytearray(sealed)
        changed[place] ^= 1
        try:
            status = checked(bytes(changed), seal)
        except (SignatureValidationError, PdfError, ValueError):
            continue  # it cannot even be read as a signed document
        assert not status.bottom_line, place


def test_what_is_appended_afterwards_is_seen(printer: Printer, seal: Seal) -> None:
    sealed = seal.apply(printed(printer, GRANT))
    status = checked(appended(sealed), seal)
    assert status.intact
    assert not status.docmdp_ok
    assert not status.bottom_line


def appended(sealed: bytes) -> bytes:
    """Return a document with a revision after the one that was signed."""
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed))
    writer.root["/Changed"] = writer.add_object(writer.root["/Pages"].get_object())
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_seal_of_anothers_certificate_is_refused(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    other = tmp_path / "other.pem"
    other.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(SealError, match="not the one"):
        Seal.load(other, files[1])
    with pytest.raises(SealError, match="cannot be read"):
        Seal.load(tmp_path / "none.pem", files[1])


def test_a_certificate_that_has_ended_seals_nothing(
    printer: Printer, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = seal.certificate.not_valid_after_utc.year + 1

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Later":
            return cls(after, 1, 1, tzinfo=UTC)

    monkeypatch.setattr("services.intake.documents.sealing.datetime", Later)
    with pytest.raises(SealError, match="not valid"):
        seal.apply(printed(printer, GRANT))


def test_the_stacks_seal_is_made_once_and_kept_private(tmp_path: Path) -> None:
    key, certificate = ensure_test_seal(tmp_path)
    before = key.read_bytes(), certificate.read_bytes()
    assert ensure_test_seal(tmp_path) == (key, certificate)
    assert (key.read_bytes(), certificate.read_bytes()) == before
    assert key.stat().st_mode & 0o777 == 0o600
    found = x509.load_pem_x509_certificate(before[1])
    assert Seal.load(key, certificate).is_test
    assert found.issuer == found.subject


def test_a_code_needs_the_installations_key(files: tuple[Path, Path]) -> None:
    press = Press.open(SealSettings(key_file=files[0], certificate_file=files[1]), "https://x")
    assert press is not None
    ours, other = Hasher(b"0123456789abcdef"), Hasher(b"fedcba9876543210")
    codes = {
        press.code_of(hasher, number, name)
        for hasher in (ours, other)
        for number in (NUMBER, "QX20260302-000002-8")
        for name in ("submission", "result-A")
    }
    assert len(codes) == 8
    assert all(len(one) == 19 for one in codes)
    press.close()
    assert Press.open(SealSettings(), "https://x") is None


def test_a_seal_needs_both_files(files: tuple[Path, Path]) -> None:
    with pytest.raises(ValueError, match="belong together"):
        SealSettings(key_file=files[0])
