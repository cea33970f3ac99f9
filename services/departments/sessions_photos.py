"""Photos of a joint session: what was seen on the spot, kept beside the record.

They are added before the record is written. The log of acts has their SHA-256: that of what is
kept, without what a camera adds (`photos.py`).
"""

import hashlib

from services.departments.photos import Photo, PhotoError, clean
from services.departments.scope import department_of
from services.departments.sessions import check_state, leaf, locked
from services.departments.store import Row
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Connection, beside, load
from services.runtime.web.problems import Problem, Words, problem_type

QUERIES = load(beside(__file__, "sessions_photos.sql"))
LARGEST = 8 * 1024 * 1024
MOST = 20
NO_PHOTO = problem_type(
    "no-photo", 422, "只接受 JPEG 或 PNG 照片", "Only photos are taken, JPEG or PNG"
)
PHOTO_TOO_LARGE = problem_type(
    "photo-too-large", 413, "单张照片不得超过 8 MB", "A photo has 8 MB at most"
)
ENOUGH = problem_type(
    "photos-enough", 409, "一次会议最多 20 张照片", "A session has 20 photos at most"
)


def photo_of(content: bytes) -> Photo:
    """Return what is kept of a photo. Raises Problem 422, or 413 for one that is too large."""
    if len(content) > LARGEST:
        raise Problem(PHOTO_TOO_LARGE)
    try:
        return clean(content)
    except PhotoError as error:
        words = Words("照片不完整，或超过一亿像素", f"It is not whole or too large: {error}")
        raise Problem(NO_PHOTO, words) from None


async def add(
    conn: Connection, *, clock: Clock, who: Principal, session: int, content: bytes
) -> str:
    """Keep a photo; return its SHA-256. Runs in the caller's transaction.

    Raises Problem 404, 403 own application, 409 the record is there already or there are enough
    photos, 413, 422.
    """
    photo = photo_of(content)
    row = await locked(conn, who, session)
    check_state(row, "convened", "held")
    if len(await photos_of(conn, session)) >= MOST:
        raise Problem(ENOUGH, Words("请先核对已有照片", "Look at those that are there"))
    at, sha256 = clock.now(), hashlib.sha256(photo.content).hexdigest()
    added = await QUERIES.add_photo(
        conn,
        session=session,
        department=department_of(who),
        media_type=photo.media_type,
        sha256=sha256,
        content=photo.content,
        actor=who.ref,
        at=at,
    )
    if added is not None:
        await leaf(conn, "session.photo", who, row["application"], session, at, photo=sha256)
    return sha256


async def photos_of(conn: Connection, session: int) -> list[Row]:
    """Return the photos of a session, without their content."""
    return [row async for row in QUERIES.photos_of(conn, session=session)]


async def read_photo(conn: Connection, session: int, photo: int) -> Row | None:
    """Return one photo with its content; None: there is none."""
    row: Row | None = await QUERIES.read_photo(conn, session=session, photo=photo)
    return row
