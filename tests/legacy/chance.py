"""Repeatable choices: times, identifiers, texts and JSON as the program of those directories writes them."""

import datetime
import json
import random
import struct

WORDS = (
    "deploy cluster vector storage session agent memory budget token Kubernetes Terraform caf\u00e9 "
    "na\u00efve \u6771\u4eac \u0434\u0430\u043d\u043d\u044b\u0435 \u05e9\u05dc\u05d5\u05dd running NEAR \"quoted\" asterisk* (carefully) cluster:main "
    "don't 50%_off \U0001f980 \U0001f468\u200d\U0001f469\u200d\U0001f467 e\u0301clair \ufb01ne"
).split(" ")
NANOSECONDS = 1_000_000_000
START = 1_700_000_000


def compact(value):
    """JSON as Go writes it: no spaces, and `<`, `>`, `&` escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def rfc3339(nanoseconds, digits=9, offset_minutes=0):
    """The moment with at most `digits` of its fraction, trailing zeros dropped."""
    seconds, fraction = divmod(nanoseconds, NANOSECONDS)
    moment = datetime.datetime.fromtimestamp(seconds + offset_minutes * 60, datetime.timezone.utc)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    fraction = f"{fraction:09}"[:digits].rstrip("0")
    if fraction:
        text += "." + fraction
    if offset_minutes == 0:
        return text + "Z"
    sign = "+" if offset_minutes > 0 else "-"
    hours, minutes = divmod(abs(offset_minutes), 60)
    return f"{text}{sign}{hours:02}:{minutes:02}"


class Chance(random.Random):
    """A random generator that knows the domain."""

    def __init__(self, seed):
        super().__init__(f"sigil legacy {seed}")
        self.now = START * NANOSECONDS

    def time(self):
        """A moment after the last one, or seldom the same, with 0, 3, 6 or 9 digits."""
        if self.random() < 0.9:
            self.now += self.choice([1_000_000, 120_000_000, 500_000_000, 7_123_456_789])
        digits = self.choice([0, 3, 6, 9])
        offset = self.choice([0] * 8 + [120, -330])
        return rfc3339(self.now, digits, offset)

    def uuid(self):
        bits = f"{self.getrandbits(128):032x}"
        return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-a{bits[17:20]}-{bits[20:]}"

    def words(self, least=1, most=12):
        return " ".join(self.choices(WORDS, k=self.randint(least, most)))

    def string_map(self):
        """Message metadata: absent, empty, or strings."""
        kind = self.randrange(4)
        if kind == 0:
            return "null"
        if kind == 1:
            return "{}"
        return compact({self.choice(["lang", "source", "<k&>", "", "\u00fc"]): self.words(0, 3) for _ in range(2)})

    def any_json(self, depth=2):
        """A JSON value with everything in it."""
        kind = self.randrange(8 if depth else 6)
        if kind == 0:
            return None
        if kind == 1:
            return self.choice([True, False])
        if kind == 2:
            return self.choice([0, 1, -1, 42, 9_007_199_254_740_991, 2.5, -1e-7, 1e300])
        if kind in (3, 4, 5):
            return self.words(0, 3)
        if kind == 6:
            return [self.any_json(depth - 1) for _ in range(self.randrange(3))]
        return {self.words(1, 1): self.any_json(depth - 1) for _ in range(self.randrange(3))}

    def any_map(self):
        return {key: self.any_json() for key in self.sample(["a", "n", "list", "\u00fc", "path"], 2)}

    def threat(self):
        """The result of a scan in each of its states, or none, in both its forms."""
        return self.choice(
            [
                "{}",
                "{}",
                "",
                compact({"scanned": True, "detected": False, "rules": None, "stage": "input"}),
                compact({"scanned": True, "detected": False, "rules": [], "stage": "tool"}),
                compact(
                    {
                        "scanned": True,
                        "detected": True,
                        "rules": ["prompt-injection", "exfiltration"],
                        "stage": "output",
                        "match_count": self.randint(2, 9),
                        "highest_severity": self.choice(["low", "high"]),
                    }
                ),
                compact({"scanned": False, "detected": False, "rules": None, "stage": "tool", "bypassed": True}),
                compact({"scanned": False, "detected": False, "rules": None, "stage": "input"}),
            ]
        )

    def vector(self, dimensions):
        return struct.pack(f"<{dimensions}f", *(self.uniform(-1, 1) for _ in range(dimensions)))
