"""Failing and waiting. Every wait has an end."""
import time


class Failure(Exception):
    """What was expected did not come."""


class Skipped(Exception):
    """What a scenario needs is not on this machine."""


def expect(condition, message):
    if not condition:
        raise Failure(message)


def equal(found, wanted, what):
    if found != wanted:
        raise Failure(f"{what}: wanted {shorten(wanted)}, found {shorten(found)}")


def shorten(value, limit=300):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[:limit] + "…"


def eventually(look, what, seconds=30, pause=0.1):
    """Calls `look` until it gives something true, which is returned. What it raises last is told on failure."""
    deadline = time.monotonic() + seconds
    last = None
    while True:
        try:
            last = look()
            if last:
                return last
        except Failure as error:
            last = error
        if time.monotonic() >= deadline:
            raise Failure(f"not within {seconds} s: {what} (last: {shorten(last)})")
        time.sleep(pause)


def never(look, what, seconds, pause=0.2):
    """Calls `look` all the time and fails once it gives something true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            raise Failure(f"{what}: {shorten(found)}")
        time.sleep(pause)


class Findings:
    """Collects what is wrong in a table of cases, so that one bad case does not hide the next."""

    def __init__(self):
        self.texts = []

    def check(self, condition, message):
        if not condition:
            self.texts.append(message)

    def run(self, name, body):
        try:
            body()
        except Failure as error:
            self.texts.append(f"{name}: {error}")
        except OSError as error:
            self.texts.append(f"{name}: {type(error).__name__}: {error}")

    def end(self):
        if self.texts:
            raise Failure(f"{len(self.texts)} wrong\n      " + "\n      ".join(self.texts[:40]))
