"""How the live page is offered."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mien.errors import MienError

ADDRESS = "127.0.0.1:8010"
"""Where the page is, if nobody says otherwise."""

_FASTEST = 60.0


@dataclass(frozen=True, slots=True)
class PreviewSettings:
    """The keys of the table `[preview]`.

    Attributes:
        address: HOST:PORT to listen at; empty for no page.
        token_file: whose first line is what a visitor must show; empty for a drawn one where one is needed.
        pictures: a second, at most, of the live view.
        colour: whether the live view is in colour, where the source has it; else as grey as the models see it.
    """

    address: str = ""
    token_file: str = ""
    pictures: float = 10.0
    colour: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.pictures <= _FASTEST:
            raise MienError(
                f"preview pictures is {self.pictures:g}; give more than 0 and at most {_FASTEST:g} a second"
            )
        if self.address:
            place(self.address)


def place(address: str) -> tuple[str, int]:
    """Host and port of HOST:PORT or [HOST]:PORT.

    Raises:
        MienError: it is none.
    """
    match = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]+)):([0-9]{1,5})", address)
    if match is None or int(match[3]) > 65535:
        raise MienError(f"preview address is {address!r}; give HOST:PORT, such as 127.0.0.1:8010 or [::1]:8010")
    return match[1] or match[2], int(match[3])
