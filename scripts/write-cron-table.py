#!/usr/bin/env python3
"""Writes the table that the cron test is held to: random expressions in four zones, each with two moments and the next time.

Needs cronsim 2.8 (pip install cronsim==2.8), which follows Debian's cron and has no code of ours. Where it leaves its own
rules, the rule is worked out here minute by minute, and the case is counted:

* From within the second pass of a repeated hour it goes back in time, for a fixed time of day: such answers are passed over.
* It takes `5-5/2` for `5/2`, which Debian's cron does not know: such expressions are marked and passed over.
* It walks in steps of whole hours, so that half-hour transitions (Lord Howe) make it miss matches of a wildcard.

One line an expression: itself, the number of its zone, and for each moment the minutes up to the next time in base 36. The
moments are not written down: test and script draw them alike (SplitMix64), the first of them near a transition of the zone.
"""

import random
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

UTC = timezone.utc
MASK = (1 << 64) - 1
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()
MOMENTS = 2
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)


def item(rng, low, high, names=None):
    def value(number):
        if names and rng.random() < 0.3 and number - low < len(names):
            return names[number - low]
        return str(number)
    kind = rng.random()
    if kind < 0.15:
        return f"*/{min(high, rng.choice([2, 3, 4, 5, 7, 10, 15, 30]))}"
    if kind < 0.35:
        first, last = sorted(rng.randint(low, high) for _ in range(2))
        step = f"/{rng.randint(1, 5)}" if rng.random() < 0.3 else ""
        return f"{value(first)}-{value(last)}{step}"
    return value(rng.randint(low, high))


def field(rng, low, high, stars, names=None):
    if rng.random() < stars:
        return "*"
    return ",".join(item(rng, low, high, names) for _ in range(rng.choice([1, 1, 1, 2, 3])))


def expression(rng):
    nickname = rng.random()
    if nickname < 0.01:
        return rng.choice(["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"])
    hour = field(rng, 0, 23, 0.3) if rng.random() < 0.6 else str(rng.choice([0, 1, 2, 3]))
    day = "L" if rng.random() < 0.03 else field(rng, 1, 31, 0.6)
    return " ".join([
        field(rng, 0, 59, 0.15), hour, day, field(rng, 1, 12, 0.75, MONTHS), field(rng, 0, 7, 0.6, DAYS)])


NICKNAMES = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}


def mixed(number):
    """SplitMix64 of a number."""
    z = (number + 1) * 0x9E3779B97F4A7C15 & MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def transitions(zone, end):
    """The minutes since 1970 at which the clock is set, from the first moment on."""
    tz, found, at = ZoneInfo(zone), [], FIRST
    while at < end:
        if at.astimezone(tz).utcoffset() != (at + timedelta(minutes=30)).astimezone(tz).utcoffset():
            found.append(minutes(at) + 30)
        at += timedelta(minutes=30)
    return found


def minutes(time):
    return int(time.timestamp()) // 60


def moment(line, number, near):
    """Minutes since 1970: any of the years, or up to 40 hours before a transition."""
    bits = mixed(line * MOMENTS + number)
    if near and number % 2 == 0:
        return near[bits % len(near)] - (bits >> 32) % 2_400
    return minutes(FIRST) + bits % (minutes(LAST) - minutes(FIRST))


def has_narrow_step(text):
    """Whether there is a range of one number with a step."""
    for names, part in zip([{}, {}, {}, dict(zip(MONTHS, range(1, 13))), dict(zip(DAYS, range(7)))], text.split()):
        for piece in part.split(","):
            span, slash, _ = piece.partition("/")
            first, dash, last = span.partition("-")
            if slash and dash and int(names.get(first, first)) == int(names.get(last, last)):
                return True
    return False


def follows_clock(sim):
    return sim.parts[1].startswith("*") or sim.parts[2].startswith("*")


def matches(sim, local):
    return (local.minute in sim.minutes and local.hour in sim.hours and local.month in sim.months
            and sim.match_day(local.date()))


def around(zone, transition, cache={}):
    """The minutes about a transition, with what the clock shows."""
    if (zone, transition) not in cache:
        tz = ZoneInfo(zone)
        cache[zone, transition] = [
            (minute, datetime.fromtimestamp(minute * 60, tz)) for minute in range(transition - 60, transition + 1_560)]
    return cache[zone, transition]


def missed(sim, zone, at, found, set_at):
    """The first minute about a transition that cronsim's steps of hours pass over; None when there is none."""
    for transition in set_at:
        if not at - 1_560 < transition < found + 60:
            continue
        for minute, local in around(zone, transition):
            if at < minute < found and matches(sim, local):
                return minute
    return None


def next_time(text, zone, at, set_at):
    """Minutes since 1970 of the next time, and whether it is not cronsim's own."""
    start = datetime.fromtimestamp(at * 60, UTC)
    sim = CronSim(text, start.astimezone(ZoneInfo(zone)) if zone != "UTC" else start)
    wildcard = follows_clock(sim)
    found = minutes(next(sim))
    while found <= at:
        assert not wildcard, (text, zone, at)
        found = minutes(next(sim))
    if wildcard and zone == "Australia/Lord_Howe":
        earlier = missed(sim, zone, at, found, set_at)
        if earlier is not None:
            return earlier, True
    return found, False


def base36(number):
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
        if number == 0:
            return digits


def main():
    count, path = int(sys.argv[1]), sys.argv[2]
    rng = random.Random(20260101)
    near = {zone: transitions(zone, LAST) for zone in ZONES}
    set_at = transitions("Australia/Lord_Howe", LAST + timedelta(days=40 * 366))
    lines, corrected, refused = [], 0, 0
    while len(lines) < count:
        text, number = expression(rng), rng.randrange(len(ZONES))
        zone, plain = ZONES[number], NICKNAMES.get(text, text)
        try:
            CronSim(plain, FIRST)
        except CronSimError:
            refused += 1
            lines.append(f"{text}|{number}|-")
            continue
        if has_narrow_step(plain):
            lines.append(f"{text}|{number}|~")
            continue
        steps = []
        for index in range(MOMENTS):
            at = moment(len(lines), index, near[zone])
            found, is_corrected = next_time(plain, zone, at, set_at)
            corrected += is_corrected
            steps.append(base36(found - at))
        lines.append(f"{text}|{number}|{' '.join(steps)}")
    heads = [f"{zone}|{' '.join(map(str, near[zone]))}" for zone in ZONES]
    with open(path, "w") as out:
        out.write("\n".join(heads + lines) + "\n")
    print(f"{len(lines)} expressions, {refused} of them refused, {corrected} times worked out here")


main()
