"""How much visitors may ask for: so many times a minute, so many visitors at once. Plain Python."""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from genlab.numbers import count
from genlab.settings import Limits

MINUTE = 60.0
STAY = 600.0  # seconds without a request after which a visitor's place is free
PASSING = 30.0  # the same of a call without a session, and after the page was closed

Clock = Callable[[], float]


class Refused(Exception):
    """A request is turned away: an HTTP status, one sentence, and the seconds to wait, where that helps."""

    def __init__(self, status: int, sentence: str, wait: float | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.wait = status, sentence, wait


class Window:
    """At most ``most`` events of each key within any minute; 0 for any number.

    Args:
        most: The limit.
        what: What was done so often, and for whom the limit is: a sentence of the refusal.
        clock: Seconds.
    """

    def __init__(self, most: int, what: str, clock: Clock = time.monotonic) -> None:
        self.most, self.what, self.clock = most, what, clock
        self._times: dict[str, deque[float]] = {}
        self._swept = clock()

    def check(self, key: str) -> None:
        """Raise Refused if ``key`` has had its share of this minute."""
        times = self._times.get(key)
        if times is None or len(times) < self.most:
            return
        wait = times[-self.most] + MINUTE - self.clock()
        if wait > 0:
            seconds = count(math.ceil(wait), "second")
            raise Refused(429, f"{self.what.format(most=self.most)}; try again in {seconds}.", wait)

    def note(self, key: str) -> None:
        """One more event of ``key``."""
        if not self.most:
            return
        now = self.clock()
        if now - self._swept > MINUTE:  # keys that are never seen again must not pile up
            self._swept = now
            self._times = {k: times for k, times in self._times.items() if now - times[-1] < MINUTE}
        self._times.setdefault(key, deque(maxlen=self.most)).append(now)


class Traffic:
    """The limits of one server on its visitors' requests."""

    def __init__(self, limits: Limits, clock: Clock = time.monotonic) -> None:
        self.limits, self.clock = limits, clock
        asked = "You have asked {most} times in a minute, the most that one visitor may"
        near = "{most} requests came from your address in a minute, the most that one may send"
        full = "This server has been asked {most} times in a minute, the most that it takes from all"
        sent = "{most} files came from your address in a minute, the most that one may send"
        visits = "{most} visitors came from your address in a minute, the most that one may send"
        self._calls = [
            (Window(limits.calls, asked, clock), 0),
            (Window(limits.calls_address, near, clock), 1),
            (Window(limits.calls_all, full, clock), 2),
        ]
        self._uploads = Window(limits.uploads, sent, clock)
        self._visits = Window(limits.visits, visits, clock)
        self._places: OrderedDict[str, float] = OrderedDict()  # visitors, and until when each has his place

    def call(self, session: str, address: str) -> None:
        """A call or an event of the page: counted if it is let in, else Refused."""
        keys = (session, address, "")
        for window, i in self._calls:
            window.check(keys[i])
        for window, i in self._calls:
            window.note(keys[i])

    def upload(self, address: str) -> None:
        """A file comes in."""
        self._uploads.check(address)
        self._uploads.note(address)

    def admit(self, session: str, address: str, stay: float = STAY) -> None:
        """Give a visitor his place, or keep it for him; Refused if all are taken."""
        now = self.clock()
        if self._places.get(session, -math.inf) <= now:
            self._places = OrderedDict((k, until) for k, until in self._places.items() if until > now)
            self._visits.check(address)
            if len(self._places) >= self.limits.sessions:
                wait = max(1.0, min(self._places.values()) - now)
                seconds = count(math.ceil(wait), "second")
                places = count(self.limits.sessions, "visitor")
                said = f"This server has its {places}, the most it takes at once; try again in {seconds}."
                raise Refused(503, said, wait)
            self._visits.note(address)
        self._places[session] = now + stay

    def leave(self, session: str) -> None:
        """The visitor's page is closed: another may have his place soon."""
        if session in self._places:
            self._places[session] = self.clock() + PASSING
