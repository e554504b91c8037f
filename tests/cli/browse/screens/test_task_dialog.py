"""The dialog of a task: cancelled with Esc or Ctrl-C, and what failed."""

import pytest

from coskit.cli.browse.screens.task_dialog import TaskDialog
from coskit.cli.browse.work.report import TaskReport
from tests.cli.browse.conftest import Browse, Browser


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
def test_a_task_is_cancelled(browse: Browse, key: str) -> None:
    def task(report: TaskReport) -> None:
        report.begin("a\nb")
        report.token.pause(60)

    async def steps(browser: Browser) -> None:
        dialog = TaskDialog("Waiting", "file", task)
        browser.app.push_screen(dialog)
        await browser.sees("a\\nb")
        await browser.press("enter", key)
        await browser.until(lambda: browser.app.screen is not dialog)
        assert dialog.was_cancelled

    browse(steps)


def test_an_error_that_ends_a_task_is_shown_until_it_was_read(browse: Browse) -> None:
    def task(report: TaskReport) -> None:
        report.end(5)
        raise PermissionError(13, "Permission denied", "/x")

    async def steps(browser: Browser) -> None:
        dialog = TaskDialog("Working", "file", task)
        browser.app.push_screen(dialog)
        await browser.sees("stopped: /x: Permission denied")
        assert "1 file, 5 B, 1 failed" in browser.screen
        await browser.press("enter")
        assert browser.app.screen is not dialog

    browse(steps, columns=60)
