"""How money moves: the payment system behind a protocol, chosen by the settings.

A payment system of a province or a bank is plugged in as `module:function`, a function without
arguments that returns a `PaymentAdapter`. The sandbox moves no money and confirms everything; what
went through it is marked wherever it is shown.
"""

import importlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from services.domain.fees import TransferKind, TransferState
from services.intake.settings import SANDBOX, PaymentSettings


class PaymentError(Exception):
    """The payment system could not be asked; nothing is known, and it is asked again later."""


class NoAdapterError(ValueError):
    """The settings name a payment adapter that is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One payment, or the refund (of one line) of payment `refund_of`. `amount` is in yuan."""

    number: UUID
    kind: TransferKind
    application: str
    lines: tuple[str, ...]
    amount: Decimal
    refund_of: UUID | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """What the payment system says of an order.

    `reference` is its own number for it; `pay_at` the address where the payer goes on.
    """

    state: TransferState
    reference: str | None = None
    pay_at: str | None = None


class PaymentAdapter(Protocol):
    """A payment system."""

    name: str
    """Kept with every transfer: only the adapter that began it is asked about it."""
    sandbox: bool
    """Whether no money moves."""

    async def settle(self, order: Order) -> Word:
        """Place an order, or say how it stands: asked again, it never moves money twice.

        Raises PaymentError when that cannot be known now.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Sandbox:
    """Confirms every order at once."""

    name = SANDBOX
    sandbox = True

    async def settle(self, order: Order) -> Word:
        """Confirm."""
        return Word(state=TransferState.CONFIRMED, reference=f"{SANDBOX}-{order.number}")

    async def close(self) -> None:
        """Nothing is open."""


def adapter_of(settings: PaymentSettings) -> PaymentAdapter | None:
    """Return the adapter that the settings name; None: nothing can be paid here.

    Raises NoAdapterError for one that is none.
    """
    if settings.adapter is None:
        return None
    if settings.adapter == SANDBOX:
        return Sandbox()
    module, _, name = settings.adapter.partition(":")
    try:
        found: PaymentAdapter = getattr(importlib.import_module(module), name)()
        is_one = found.name != SANDBOX and callable(found.settle) and callable(found.close)
    except (ImportError, AttributeError, TypeError) as error:
        raise NoAdapterError(f"payment adapter {settings.adapter}: {error}") from error
    if not is_one:
        raise NoAdapterError(f"payment adapter {settings.adapter}: not an adapter of its own name")
    return found
