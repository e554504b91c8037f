"""A browser in this process, whose keys are pressed and whose screen is read."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from coskit import Client
from coskit.cli.arguments.locations import CosLocation
from coskit.cli.browse.app import BrowseApp

_PATIENCE = 20  # seconds; a machine may be busy


class Browser:
    """A running browser.

    Args:
        app: the program.
        pilot: presses its keys.
    """

    def __init__(self, app: BrowseApp, pilot: Pilot[None]) -> None:
        self.app = app
        self._pilot = pilot

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition; fail with the text of the screen."""
        end = time.monotonic() + _PATIENCE
        while not condition():
            assert time.monotonic() < end, f"this never came about:\n{self.screen}"
            await self._pilot.pause(0.005)

    async def settled(self) -> None:
        """Wait until both panes show their entries."""
        await self.until(lambda: self.app.local.is_settled and self.app.bucket.is_settled)

    async def press(self, *keys: str) -> None:
        """Press keys, each after the effect of the one before."""
        for key in keys:
            await self._pilot.press(key)
            await self.settled()

    async def type(self, text: str) -> None:
        """Press the keys of a text."""
        await self.press(*text)

    async def sees(self, text: str) -> None:
        """Wait until the screen shows a text."""
        await self.until(lambda: text in self.screen)

    @property
    def screen(self) -> str:
        """The text of the screen."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(part.text for part in strip).rstrip() for strip in strips)


Steps = Callable[[Browser], Awaitable[None]]
Browse = Callable[..., None]


@pytest.fixture
def browse(client: Client, bucket: str, tmp_path: Path) -> Browse:
    """Run a test's steps in a browser of its bucket and its directory."""

    def run(steps: Steps, *, columns: int = 80, key: str = "", location: str = bucket) -> None:
        async def main() -> None:
            place = CosLocation(location, key)
            app = BrowseApp(client, tmp_path, place)
            async with app.run_test(size=(columns, 24)) as pilot:
                browser = Browser(app, pilot)
                await browser.settled()
                await steps(browser)

        asyncio.run(main())

    return run
