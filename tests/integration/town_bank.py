"""A payment system as a county plugs one in: it says `under way` first, and then `confirmed`."""

from uuid import UUID

from services.domain.fees import TransferState
from services.intake.payment import Order, PaymentAdapter, Word


class TownBank:
    """Confirms an order when it is asked about it for the second time."""

    name = "town-bank"
    sandbox = False

    def __init__(self) -> None:
        self.seen: set[UUID] = set()
        self.is_open = True

    async def settle(self, order: Order) -> Word:
        if order.number in self.seen:
            return Word(state=TransferState.CONFIRMED, reference="TB-1")
        self.seen.add(order.number)
        return Word(state=TransferState.BEGUN, pay_at="https://bank.example/1")

    async def close(self) -> None:
        self.is_open = False


def connect() -> PaymentAdapter:
    """Return it, as the setting `payment.adapter` asks for it."""
    return TownBank()
