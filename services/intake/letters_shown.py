"""What intake answers about letters, as models."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from services.domain.catalogue import Name
from services.intake.letters import Letter, LetterFacts, LetterKind
from services.intake.models import EXAMPLE_NUMBER
from services.intake.pages.letters_text import text_of
from services.runtime.web.pages import Page
from services.runtime.web.site.languages import Language


class InboxLetter(BaseModel):
    """One letter: its facts, and what they say in both languages."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 17,
                    "application": EXAMPLE_NUMBER,
                    "project_name": "年产五万台水泵搬迁项目",
                    "kind": "notice",
                    "facts": {"round": 1, "count": 3},
                    "title": {
                        "zh": "请补正材料（一次性告知）",
                        "en": "Please correct your papers (the one notice)",
                    },
                    "text": {"zh": "共有 3 处需要补正。", "en": "3 points are to be put right."},
                    "href": f"/applications/{EXAMPLE_NUMBER}/notice",
                    "at": "2026-03-05T01:30:00Z",
                }
            ]
        }
    )

    id: int
    application: str
    project_name: str
    kind: LetterKind
    facts: LetterFacts
    title: Name
    text: Name
    href: str = Field(description="The page on which one acts or reads on.")
    at: datetime
    read_at: datetime | None = Field(
        default=None, description="Absent until it was opened on the page."
    )


class InboxPage(Page):
    """One page of letters, newest first, and how many were not opened at all."""

    items: list[InboxLetter]
    unread: int


def shown(letter: Letter) -> InboxLetter:
    """Return a letter for readers."""
    chinese, english = text_of(letter, Language.CHINESE), text_of(letter, Language.ENGLISH)
    return InboxLetter(
        id=letter.id,
        application=letter.application,
        project_name=letter.project_name,
        kind=letter.kind,
        facts=letter.facts,
        title=Name(zh=chinese.title, en=english.title),
        text=Name(zh=chinese.body, en=english.body),
        href=chinese.href,
        at=letter.at,
        read_at=letter.read_at,
    )
