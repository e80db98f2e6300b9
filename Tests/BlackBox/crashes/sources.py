"""Databases to back up. Each row holds a marker, incompressible, so that a copy is found whatever it was packed into."""
import contextlib
import hashlib
import sqlite3
import threading

from kit.checks import equal, expect


def fill(path, marker, rng, rows, statements=()):
    """A table of rows of about 1 kB."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.execute("CREATE TABLE account(id INTEGER PRIMARY KEY, amount INTEGER, since INTEGER, note BLOB)")
        database.execute("CREATE TABLE clock(now INTEGER)")
        database.execute("INSERT INTO clock VALUES (0)")
        database.executemany("INSERT INTO account VALUES (?, 1000, 0, ?)", (
            (number, rng.randbytes(900) + marker + rng.randbytes(60)) for number in range(rows)))
        database.commit()


class Still:
    """Nobody writes to it: a copy is the same bytes."""

    def __init__(self, path, marker, rng, rows):
        self.path = path
        fill(path, marker, rng, rows)

    def check(self, copy, _):
        with open(self.path, "rb") as one, open(copy, "rb") as other:
            same = hashlib.file_digest(one, "sha256").digest() == hashlib.file_digest(other, "sha256").digest()
        expect(same, f"{copy} differs from {self.path}")

    def now(self):
        return 0

    def stop(self):
        pass


class Busy:
    """Somebody transfers amounts all the time, in a write-ahead log. A copy is the database as it was after some
    transfer, none before the run was asked for."""

    def __init__(self, path, marker, rng, rows):
        self.path, self.rng, self.rows = path, rng, rows
        fill(path, marker, rng, rows, ["PRAGMA journal_mode=WAL"])
        self.transfers = []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._write, daemon=True)
        self.thread.start()

    def _write(self):
        with contextlib.closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as database:
            database.execute("PRAGMA synchronous=OFF")
            while not self.ending.wait(0.05):
                giver, taker, amount = self.rng.randrange(self.rows), self.rng.randrange(self.rows), self.rng.randrange(50)
                number = len(self.transfers) + 1
                database.execute("BEGIN IMMEDIATE")
                database.execute("UPDATE account SET amount = amount - ?, since = ? WHERE id = ?", (amount, number, giver))
                database.execute("UPDATE account SET amount = amount + ?, since = ? WHERE id = ?", (amount, number, taker))
                database.execute("UPDATE clock SET now = ?", (number,))
                self.transfers.append((giver, taker, amount))  # before the commit: a snapshot may see it at once
                database.execute("COMMIT")

    def now(self):
        return max(0, len(self.transfers) - 1)

    def check(self, copy, asked_at):
        with contextlib.closing(sqlite3.connect(copy)) as database:
            equal(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)], f"integrity of {copy}")
            (now,) = database.execute("SELECT now FROM clock").fetchone()
            found = database.execute("SELECT amount, since FROM account ORDER BY id").fetchall()
        expect(asked_at <= now <= len(self.transfers), f"{copy} is of moment {now}, asked for at {asked_at}")
        wanted = [[1000, 0] for _ in range(self.rows)]
        for number, (giver, taker, amount) in enumerate(self.transfers[:now], 1):
            wanted[giver][0] -= amount
            wanted[giver][1] = number
            wanted[taker][0] += amount
            wanted[taker][1] = number
        equal(found, [tuple(row) for row in wanted], f"rows of {copy} at moment {now}")

    def stop(self):
        self.ending.set()
        self.thread.join(30)
