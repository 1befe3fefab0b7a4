"""A visitor of the page with a real browser."""

import contextlib
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError

PATIENCE = 240_000  # milliseconds; nothing here tests speed


class Visitor:
    """A browser of one visitor, and what it saw go wrong."""

    def __init__(self, browser: Browser, url: str, width: int = 1400) -> None:
        self.url, self.errors, self.hosts = url, [], set()
        self.context = browser.new_context(viewport={"width": width, "height": 1000})
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("request", lambda r: self.hosts.add(urlparse(r.url).hostname))
        self.page.goto(url, wait_until="domcontentloaded")

    def source(self, name: str) -> str:
        """Where a family's picture comes from: the name holds a hash of its content."""
        image = self.page.locator(f"#picture-{name} img")
        image.scroll_into_view_if_needed()
        return image.get_attribute("src") or ""

    def pixels(self, name: str) -> list[int]:
        """Grey values of a family's picture, as the browser decoded them."""
        self.source(name)
        selector = f"#picture-{name} img"
        self.page.wait_for_function(f"document.querySelector('{selector}').naturalWidth > 0")
        return self.page.evaluate(
            """selector => {
                const image = document.querySelector(selector);
                const canvas = document.createElement('canvas');
                canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
                const context = canvas.getContext('2d');
                context.drawImage(image, 0, 0);
                const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
                return Array.from(data).filter((_, i) => i % 404 === 0);
            }""",
            selector,
        )

    def wait_drawn(self, name: str) -> None:
        """Until the bill of a finished picture is shown."""
        self.page.locator(f"#chips-{name}", has_text="images/s").wait_for()
        self.page.wait_for_function(f"!!document.querySelector('#picture-{name} img')")

    def wait_ready(self) -> None:
        for name in ("vae", "gan", "wgan_gp", "ddpm"):
            self.wait_drawn(name)

    def sample(self, name: str) -> list[int]:
        """Press the card's Sample and read the new picture."""
        chips = self.page.locator(f"#chips-{name}")
        chips.evaluate("e => e.querySelector('.gl-chips').setAttribute('data-old', '1')")
        self.page.locator(f"#sample-{name}").click()
        self.page.wait_for_function(f"document.querySelector('#chips-{name} [data-drawn]:not([data-old])')")
        self.page.wait_for_timeout(300)  # the picture is in the same message as the bill
        return self.pixels(name)

    def open_tab(self, name: str) -> None:
        """Open a tab, or a panel within one; on a narrow page it may be in the menu behind the dots."""
        page = self.page
        for _ in range(10):
            page.wait_for_timeout(500)  # the tabs find out how many of them fit
            tab = page.get_by_role("tab", name=name, exact=True).last
            with contextlib.suppress(TimeoutError):  # they have just found out
                if not tab.is_visible():
                    page.locator(".overflow-menu > button:visible").last.click(timeout=5000)
                    tab = page.locator(".overflow-menu button:visible", has_text=name).last
                tab.click(timeout=5000)
                return
        pytest.fail(f"there is no tab {name}")

    def fill(self, label: str, value: str, within: str) -> None:
        """``type`` into the input of that label."""
        self.type(self.page.locator(within).get_by_label(label, exact=True).first, value)

    def type(self, box: Locator, value: str) -> None:
        """Type a value as a person does, who would type again what a panel, still opening, swallowed."""
        for _ in range(20):
            box.fill(value)
            box.press("Tab")
            self.page.wait_for_timeout(300)
            if box.input_value() == value:
                return
        pytest.fail(f"it stays {box.input_value()!r}; {value!r} was typed")

    def jobs_at_work(self) -> list[str]:
        """The ids of the trainings and races that this page shows waiting or running."""
        selector = "[data-job]:is([data-state=waiting], [data-state=running])"
        return self.page.locator(selector).evaluate_all("found => found.map(e => e.dataset.job)")

    def open_fold(self, name: str, title: str) -> None:
        self.page.locator(f"#card-{name}").get_by_role("button", name=title).first.click()
