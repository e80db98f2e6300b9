"""Reads Prometheus' text format as strictly as its own text says, and not as leniently as its reader does."""
import re

from .checks import Failure, expect

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|\Z)')
VALUE = re.compile(r"(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)\Z")


def parse(text):
    """{(name, ((label, value), …)): number}; a Failure for anything that is not as it should be."""
    expect(text.endswith("\n"), "the last line has no end")
    samples, kinds, helped, closed, current = {}, {}, set(), set(), None
    for line in text[:-1].split("\n"):
        if line.startswith("# "):
            word, name, rest = (line[2:].split(" ", 2) + ["", ""])[:3]
            expect(NAME.match(name), f"no name: {line!r}")
            if word == "HELP":
                expect(name not in helped and rest, f"HELP twice or empty: {line!r}")
                helped.add(name)
                if current:
                    closed.add(current)
                current = name
            elif word == "TYPE":
                expect(name == current and name not in kinds, f"TYPE away from its HELP: {line!r}")
                expect(rest in ("counter", "gauge", "histogram"), f"no type: {line!r}")
                kinds[name] = rest
            else:
                raise Failure(f"a comment: {line!r}")
            continue
        found = re.match(r"([^{ ]+)(?:\{(.*)\})? (\S+)\Z", line)
        expect(found, f"no sample: {line!r}")
        name, labels, value = found.groups()
        family = next((f for f in (name, re.sub(r"_(bucket|sum|count)\Z", "", name)) if f in kinds), None)
        expect(family and family == current and family not in closed, f"a sample away from its family: {line!r}")
        expect((name == family) == (kinds[family] != "histogram"), f"a name that its type does not have: {line!r}")
        expect(kinds[family] != "counter" or family.endswith("_total"), f"a counter without _total: {line!r}")
        expect(VALUE.match(value), f"no number: {line!r}")
        pairs, rest = [], labels or ""
        while rest:
            label = LABEL.match(rest)
            expect(label, f"no label: {line!r}")
            pairs.append((label[1], re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], label[2])))
            rest = rest[label.end():]
        expect(len({n for n, _ in pairs}) == len(pairs), f"a label twice: {line!r}")
        key = (name, tuple(sorted(pairs)))
        expect(key not in samples, f"a sample twice: {line!r}")
        samples[key] = float(value.replace("Inf", "inf").replace("NaN", "nan"))
    expect(helped == set(kinds), f"HELP and TYPE differ: {helped ^ set(kinds)}")
    check_histograms(samples, kinds)
    return samples


def check_histograms(samples, kinds):
    for family in (name for name, kind in kinds.items() if kind == "histogram"):
        series = {}
        for (name, labels), value in samples.items():
            if name == family + "_bucket":
                bound = float(dict(labels)["le"].replace("Inf", "inf"))
                series.setdefault(tuple(l for l in labels if l[0] != "le"), []).append((bound, value))
        for labels, buckets in series.items():
            buckets.sort()
            expect(buckets[-1][0] == float("inf"), f"{family}{labels} has no +Inf bucket")
            expect(all(a[1] <= b[1] for a, b in zip(buckets, buckets[1:])), f"{family}{labels} falls")
            expect(samples.get((family + "_count", labels)) == buckets[-1][1], f"{family}{labels}: count is not the last bucket")
            expect((family + "_sum", labels) in samples, f"{family}{labels} has no sum")
