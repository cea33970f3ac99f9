"""Samples of materials: how a paper is filled in, and what gets it sent back.

They explain the catalogue and are no part of it: its digest, which a supervisor approves, does not
change with them. `services.runtime.sample_files` reads them from YAML.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import Field

from services.domain.catalogue_base import Name, Shape, Slug
from services.domain.findings import Finding, Place, Sourced

APPLICANT = "applicant"


class SampleRow(Shape):
    """One place of a paper, filled in as an example."""

    field: Name
    example: Name = Field(description="With placeholders where a person, a company, a number is.")
    mistake: Name | None = Field(default=None, description="What is often wrong here.")


class Sample(Shape):
    """What one material looks like when it is right."""

    material: Slug
    title: Name
    purpose: Name = Field(description="What the departments need it for.")
    rows: tuple[SampleRow, ...] = Field(min_length=1)
    sent_back: tuple[Name, ...] = Field(default=(), description="What gets it sent back.")


@dataclass(frozen=True, kw_only=True)
class PlacedSample:
    """A sample with the place it was read from."""

    sample: Sample
    place: Place


def lint_samples(
    versions: Sequence[Sourced], samples: Sequence[PlacedSample]
) -> tuple[Finding, ...]:
    """Return every finding on the samples of a county, by file and line.

    Errors: a material that no version knows, two samples of one. A note: a material that an
    applicant supplies has none.
    """
    found = [*_unknown(versions, samples), *_twice(samples), *_without(versions, samples)]
    return tuple(sorted(set(found), key=lambda f: (f.place.file, f.place.line, f.code, f.en)))


def supplied(versions: Sequence[Sourced]) -> frozenset[str]:
    """Return the ids of the materials that applicants supply."""
    return frozenset(
        one.id
        for version in versions
        for one in version.catalogue.materials
        if one.supplied_by == APPLICANT
    )


def _unknown(versions: Sequence[Sourced], samples: Sequence[PlacedSample]) -> Iterator[Finding]:
    known = {one.id for version in versions for one in version.catalogue.materials}
    for one in samples:
        name = one.sample.material
        if name not in known:
            yield Finding(
                code="unknown-material",
                place=one.place.of("material"),
                zh=f"目录中没有材料 {name}",
                en=f"no version of the catalogue has a material {name}",
            )


def _twice(samples: Sequence[PlacedSample]) -> Iterator[Finding]:
    times = Counter(one.sample.material for one in samples)
    met: set[str] = set()
    for one in samples:
        name = one.sample.material
        if times[name] > 1 and name in met:
            yield Finding(
                code="duplicate",
                place=one.place.of("material"),
                zh=f"材料 {name} 的样本重复",
                en=f"there are two samples of the material {name}",
            )
        met.add(name)


def _without(versions: Sequence[Sourced], samples: Sequence[PlacedSample]) -> Iterator[Finding]:
    there = {one.sample.material for one in samples}
    for version in versions:
        for one in version.catalogue.materials:
            if one.supplied_by == APPLICANT and one.id not in there:
                yield version.finding(
                    "no-sample",
                    ("materials", one.id, ""),
                    f"材料 {one.id} 由申请人提供，但没有样本",
                    f"applicants supply the material {one.id}, and there is no sample of it",
                    level="note",
                )
