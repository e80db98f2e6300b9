"""What must never be found again: planted secrets, and the search for them in every form they may take."""
import base64
import threading


class Planted:
    def __init__(self):
        self.lock = threading.Lock()
        self.values = {}

    def add(self, kind, value):
        raw = value if isinstance(value, bytes) else value.encode()
        if len(raw) >= 12:
            with self.lock:
                self.values[raw] = kind

    def forms(self):
        """Pairs of what it is and the bytes to look for."""
        with self.lock:
            values = list(self.values.items())
        for raw, kind in values:
            yield f"{kind}, raw", raw
            yield f"{kind}, hex", raw.hex().encode()
            yield f"{kind}, upper-case hex", raw.hex().upper().encode()
            for shift in range(3):
                # Within a longer text its base64 starts at any of three places; the edges depend on the neighbours.
                text = base64.b64encode(b"\0" * shift + raw + b"\0" * (-(shift + len(raw)) % 3))
                start = (shift * 8 + 5) // 6
                end = (shift + len(raw)) * 8 // 6
                yield f"{kind}, base64", text[start:end]
                yield f"{kind}, base64url", text[start:end].replace(b"+", b"-").replace(b"/", b"_")

    def search(self, name, data):
        """What was found, as texts."""
        return [f"{name}: {kind} at byte {data.find(form)}" for kind, form in self._distinct() if form in data]

    def _distinct(self):
        seen = set()
        for kind, form in self.forms():
            if form not in seen:
                seen.add(form)
                yield kind, form
