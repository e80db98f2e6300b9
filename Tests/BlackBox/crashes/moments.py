"""When something is killed. A moment waits for what it is named after, then lets a few milliseconds pass."""
import os
import time

from .processes import sizes


def until(look, seconds=6):
    """Whether it came in time. Looks as often as it can: some moments last for a millisecond."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if look():
            return True
        time.sleep(0.0005)
    return False


class Moments:
    """Each method returns whether its moment came; then it is time to kill."""

    def __init__(self, stage, rng):
        self.stage, self.rng = stage, rng
        self.incoming = os.path.join(stage.server.data, "objects", ".incoming")

    def sometime(self):
        time.sleep(self.rng.uniform(0, 1.2))
        return True

    def dumping(self):
        """A staging file is there and grows, or has just been begun."""
        sizes_before = [agent.staged() for agent in self.stage.agents]
        came = until(lambda: any(agent.staged() and agent.staged() != before
                                 for agent, before in zip(self.stage.agents, sizes_before)))
        time.sleep(self.rng.uniform(0, 0.03))
        return came

    def uploading(self):
        came = until(lambda: any(size > 0 for size in sizes(self.incoming)))
        time.sleep(self.rng.uniform(0, 0.01))
        return came

    def reporting(self):
        """An upload was under way and is over: its report is being made, sent, recorded, answered."""
        came = until(lambda: sizes(self.incoming)) and until(lambda: not sizes(self.incoming))
        time.sleep(self.rng.uniform(0, 0.03))
        return came

    def asking(self):
        """A run is being asked for: it is recorded, decided, and its order is on its way."""
        came = self._next(self.stage.memory.asking)
        time.sleep(self.rng.uniform(0, 0.02))
        return came

    def ordering(self):
        """An agent without a journal has its order; that it was sent is hardly on the log."""
        came = self._next(self.stage.memory.ordered)
        time.sleep(self.rng.uniform(0, 0.004))
        return came

    @staticmethod
    def _next(event):
        event.clear()
        return event.wait(6)

    def deciding(self):
        """A verdict has just been seen: objects are being deleted, hooks run, journals forgotten."""
        before = len(self.stage.memory.verdicts)
        came = until(lambda: len(self.stage.memory.verdicts) > before)
        time.sleep(self.rng.uniform(0, 0.05))
        return came

    ALL = ("sometime", "starting", "dumping", "dumping", "uploading", "reporting", "asking", "ordering", "ordering",
           "deciding")
