"""What forms on pages send along: the session's token, and a key so that twice is once."""

import re
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile

from services.runtime.web.idempotency import Asked, digest
from services.runtime.web.problems import INVALID, KEY_MISSING, Fault, Problem, Words
from services.runtime.web.site.session import FIELD, Session, signed_in
from services.runtime.web.wording import validation_words

ONCE = "once"
_KEY = re.compile(r"[0-9a-f]{32}")
Model = TypeVar("Model", bound=BaseModel)


async def asked_on_page(request: Request, session: Annotated[Session, Depends(signed_in)]) -> Asked:
    """FastAPI dependency: the form under its own key. Raises Problem 400 without one.

    The same form sent again, as by a second press of its button, gets the first answer. A form
    shown anew has a new key.
    """
    form = await request.form()
    key = form.get(ONCE)
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise Problem(KEY_MISSING)
    target = f"{request.method} {request.url.path}".encode()
    return Asked(
        owner=session.principal.ref, key=f"page-{key}", request=digest(target, *_content(form))
    )


def _content(form: FormData) -> list[bytes]:
    """Return what was filled in; of a file its name and size."""
    return [
        part
        for name, value in form.multi_items()
        if name not in (FIELD, ONCE)
        for part in (name.encode(), _bytes(value))
    ]


def _bytes(value: UploadFile | str) -> bytes:
    return value.encode() if isinstance(value, str) else f"{value.filename}/{value.size}".encode()


def checked(model: type[Model], **given: Any) -> Model:
    """Return a body of the API, made of what was typed. Raises Problem 422, as the API does."""
    try:
        return model(**given)
    except ValidationError as error:
        faults = [
            Fault(
                "#" + "".join(f"/{part}" for part in one["loc"]),
                Words(*validation_words(dict(one))),
            )
            for one in error.errors()
        ]
        raise Problem(INVALID, errors=faults) from None
