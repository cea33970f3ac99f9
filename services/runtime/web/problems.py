"""Errors as problem details (RFC 9457), in Chinese or English by `Accept-Language`.

A service adds its own kinds with `problem_type(...)`; each is a constant, listed in `TABLE`, and
stands in the OpenAPI document of every route that can answer it (`problem_responses`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg
import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.runtime.telemetry import current_trace_id
from services.runtime.web.wording import validation_words

MEDIA_TYPE = "application/problem+json"


class Words(NamedTuple):
    """One sentence in both languages of the installation."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """Return the sentence for `zh-CN` or `en`."""
        return self.en if language == "en" else self.zh


class ProblemType(NamedTuple):
    """A kind of error: its code, HTTP status and title."""

    code: str
    status: int
    title: Words

    @property
    def uri(self) -> str:
        """The `type` member: `urn:lianshen:problem:<code>`."""
        return f"urn:lianshen:problem:{self.code}"


TABLE: dict[str, ProblemType] = {}


def problem_type(code: str, status: int, zh: str, en: str) -> ProblemType:
    """Declare a kind of error. Raises ValueError when the code is taken by another one."""
    kind = ProblemType(code, status, Words(zh, en))
    if TABLE.setdefault(code, kind) != kind:
        message = f"problem code {code} is declared twice"
        raise ValueError(message)
    return kind


BAD_REQUEST = problem_type("bad-request", 400, "请求无法识别", "The request cannot be understood")
BAD_CURSOR = problem_type("bad-cursor", 400, "分页游标无效", "The page cursor is not valid")
KEY_MISSING = problem_type(
    "idempotency-key-missing", 400, "缺少幂等键", "The Idempotency-Key header is missing"
)
KEY_MALFORMED = problem_type(
    "idempotency-key-malformed", 400, "幂等键格式不正确", "The Idempotency-Key is malformed"
)
UNAUTHENTICATED = problem_type("unauthenticated", 401, "请先登录", "Authentication is required")
FORBIDDEN = problem_type("forbidden", 403, "无权进行此操作", "You may not do this")
NOT_FOUND = problem_type("not-found", 404, "未找到", "Not found")
METHOD_NOT_ALLOWED = problem_type(
    "method-not-allowed", 405, "不支持此方法", "The method is not allowed here"
)
CONFLICT = problem_type("conflict", 409, "与当前状态冲突", "This conflicts with the current state")
KEY_IN_FLIGHT = problem_type(
    "request-in-flight", 409, "相同请求正在处理", "The same request is being processed"
)
VERSION_MISMATCH = problem_type(
    "version-mismatch", 412, "内容已被他人更新", "It has changed since you read it"
)
BODY_TOO_LARGE = problem_type("body-too-large", 413, "请求内容过大", "The request is too large")
MEDIA_TYPE_UNSUPPORTED = problem_type(
    "unsupported-media-type", 415, "不支持的内容类型", "The media type is not supported"
)
INVALID = problem_type("invalid", 422, "填报内容有误", "The request is not valid")
KEY_REUSED = problem_type(
    "idempotency-key-reused",
    422,
    "幂等键已用于另一请求",
    "The Idempotency-Key was used for another request",
)
VERSION_REQUIRED = problem_type(
    "version-required", 428, "须注明所见版本", "Say which version you have read"
)
TOO_MANY_REQUESTS = problem_type("too-many-requests", 429, "请求过于频繁", "Too many requests")
INTERNAL = problem_type("internal", 500, "系统内部错误", "Internal error")
OVERLOADED = problem_type("overloaded", 503, "系统繁忙，请稍后再试", "Busy, try again shortly")
UNAVAILABLE = problem_type("unavailable", 503, "服务暂不可用", "Temporarily unavailable")

_BY_STATUS = {
    kind.status: kind
    for kind in (
        BAD_REQUEST,
        UNAUTHENTICATED,
        FORBIDDEN,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        CONFLICT,
        BODY_TOO_LARGE,
        MEDIA_TYPE_UNSUPPORTED,
        INVALID,
        TOO_MANY_REQUESTS,
        INTERNAL,
        UNAVAILABLE,
    )
}


NO_NUL = Words("文本中不得含有 NUL 字符", "A text cannot hold the character NUL")
_NO_TEXT = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)
"""What the database says of such a text, wherever in a body it stood."""


class Fault(NamedTuple):
    """One thing wrong in a request. `pointer` is a JSON pointer into the body (`#/facts/area`).

    For a query, path or header parameter it is `?limit`, `/number` or `If-Match:`.
    """

    pointer: str
    message: Words


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """An error that is told to the caller as problem details."""

    def __init__(
        self,
        kind: ProblemType,
        detail: Words | None = None,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep what to tell. `extra` are further members (RFC 9457 3.2), `headers` of the answer.

        None of them may carry what the caller is not entitled to know.
        """
        super().__init__(kind.code)
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


def preferred_language(accept: str | None) -> str:
    """Return `zh-CN` or `en` for `Accept-Language` (RFC 9110 12.5.4); Chinese wins ties."""
    if not accept:
        return "zh-CN"
    weight = {"zh": 0.0, "en": 0.0}
    for part in accept[:256].lower().split(","):
        tag, _, parameters = part.strip().partition(";")
        primary = tag.split("-", 1)[0].strip()
        if primary == "*":
            primary = "zh"
        if primary in weight:
            weight[primary] = max(weight[primary], _quality(parameters))
    return "en" if weight["en"] > weight["zh"] else "zh-CN"


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0


def body_of(problem: Problem, language: str, trace_id: str | None) -> dict[str, Any]:
    """Return the members of the problem details object."""
    members: dict[str, Any] = {
        "type": problem.kind.uri,
        "title": problem.kind.title.in_language(language),
        "status": problem.kind.status,
    }
    if problem.detail is not None:
        members["detail"] = problem.detail.in_language(language)
    if trace_id is not None:
        members["instance"] = f"urn:lianshen:trace:{trace_id}"
    if problem.errors:
        members["errors"] = [
            {"pointer": fault.pointer, "message": fault.message.in_language(language)}
            for fault in problem.errors
        ]
    return {**problem.extra, **members}


def answer(problem: Problem, accept_language: str | None) -> Response:
    """Return the HTTP answer for a problem."""
    language = preferred_language(accept_language)
    return Response(
        orjson.dumps(body_of(problem, language, current_trace_id())),
        status_code=problem.kind.status,
        media_type=MEDIA_TYPE,
        headers={
            **problem.headers,
            "content-language": language,
            "vary": "accept-language",
            "cache-control": "no-store",
        },
    )


def from_validation(error: RequestValidationError) -> Problem:
    """Return the problem for what FastAPI found wrong; never repeats the value sent."""
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return Problem(BAD_REQUEST, Words("请求正文不是有效的 JSON", "The body is not valid JSON"))
    return Problem(
        INVALID,
        errors=[Fault(_pointer(one["loc"]), Words(*validation_words(one))) for one in found],
    )


def _pointer(location: Sequence[str | int]) -> str:
    where, *path = [str(part) for part in location]
    if where == "body":
        escaped = [part.replace("~", "~0").replace("/", "~1") for part in path]
        return "#" + "".join(f"/{part}" for part in escaped)
    name = ".".join(path)
    return {"query": f"?{name}", "path": f"/{name}"}.get(where, f"{name}:")


def from_http(error: HTTPException) -> Problem:
    """Return the problem for an error that the framework raised by status alone."""
    kind = _BY_STATUS.get(error.status_code) or ProblemType(
        f"http-{error.status_code}", error.status_code, Words("请求未能完成", "Request failed")
    )
    return Problem(kind, headers=dict(error.headers or {}))


def install(app: FastAPI) -> None:
    """Make the application answer every known error as problem details."""

    async def on_problem(request: Request, error: Exception) -> Response:
        problem = _as_problem(error)
        site = getattr(request.app.state, "site", None)
        if site is not None and site.wants(request):
            page: Response = site.problem(request, problem)
            return page
        return answer(problem, request.headers.get("accept-language"))

    for kind in (Problem, RequestValidationError, HTTPException, *_NO_TEXT):
        app.add_exception_handler(kind, on_problem)


def _as_problem(error: Exception) -> Problem:
    if isinstance(error, _NO_TEXT):
        return Problem(INVALID, NO_NUL)
    if isinstance(error, RequestValidationError):
        return from_validation(error)
    if isinstance(error, HTTPException):
        # FastAPI turns whatever is raised while a body is read into a bare 400.
        cause = error.__cause__
        return cause if isinstance(cause, Problem) else from_http(error)
    return error if isinstance(error, Problem) else Problem(INTERNAL)


PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "Problem details, RFC 9457.",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string", "description": "zh-CN, or en by Accept-Language."},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "`urn:lianshen:trace:<trace id>`."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "message"],
                "properties": {"pointer": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}


def problem_responses(*kinds: ProblemType) -> dict[int | str, dict[str, Any]]:
    """Return the `responses=` of a route that can answer these kinds, with an example of each."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = found.setdefault(
            kind.status,
            {"description": kind.title.en, "content": {MEDIA_TYPE: _content()}},
        )
        example = body_of(Problem(kind), "zh-CN", "4bf92f3577b34da6a3ce929d0e0e4736")
        entry["content"][MEDIA_TYPE]["examples"][kind.code] = {
            "summary": f"{kind.title.zh} / {kind.title.en}",
            "value": example,
        }
    return found


def _content() -> dict[str, Any]:
    return {"schema": dict(PROBLEM_REF), "examples": {}}
