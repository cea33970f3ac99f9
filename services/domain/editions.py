"""Which version of a catalogue holds on a day."""

from collections.abc import Collection, Iterable
from datetime import date

from services.domain.catalogue import Catalogue


def in_force(catalogues: Iterable[Catalogue], on: date) -> Catalogue | None:
    """Return the version that holds on `on`; the one that began last when several do."""
    begun = (found for found in catalogues if found.county.effective_from <= on)
    holding = (found for found in begun if on <= (found.county.effective_to or on))
    return max(holding, key=lambda found: found.county.effective_from, default=None)


def usable(
    catalogues: Collection[Catalogue], approved: Collection[str], on: date
) -> Catalogue | None:
    """Return the version that a new application of `on` rests on: only an approved one.

    While the version that should hold by its days is not approved, its approved predecessor goes on
    being used, past its own end if need be.
    """
    ready = [found for found in catalogues if found.county.version in approved]
    chosen = in_force(ready, on)
    if chosen is not None or in_force(catalogues, on) is None:
        return chosen
    begun = (found for found in ready if found.county.effective_from <= on)
    return max(begun, key=lambda found: found.county.effective_from, default=None)
