"""Queries drawn with a seed from a corpus: rare terms, frequent ones, and both.

A term is frequent if at least a hundredth of the documents have it, and rare if 2 to 20 have it.
Single terms are drawn from the vocabulary of their class; pairs and phrases from documents, so that
they have hits. Mixed are single terms as they come up in the text, and of pairs and phrases those
with one frequent and one rare term. A prefix is that of a term, and is classed as the term is.
"""

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

EACH = 500
TAGS = 10
CLASSES = ("rare", "frequent", "mixed")
KINDS = ("term", "and", "or", "phrase", "prefix4", "prefix3", "prefix2", "filtered")
_TOKENS = re.compile(r"[^\W_]+")

Query = dict[str, Any]


def draw(texts: list[str], chance: random.Random) -> list[Query]:
    """500 queries of each kind and class."""
    found = Drawn(texts, chance)
    drawn = []
    for kind in KINDS:
        for of_class in CLASSES:
            for _ in range(EACH):
                query: Query = {"kind": kind, "class": of_class, "terms": found.terms(kind, of_class)}
                if kind == "filtered":
                    query["tag"] = chance.randrange(TAGS)
                drawn.append(query)
    return drawn


def tokens(text: str) -> list[str]:
    return [word.lower() for word in _TOKENS.findall(text)]


def _plain(word: str) -> bool:
    """Whether every engine takes the word for one term: letters of an alphabet."""
    return len(word) >= 2 and all(
        char.isalpha() and unicodedata.name(char, "").startswith(("LATIN SMALL", "CYRILLIC SMALL"))
        for char in word
    )


class Drawn:
    """The words of a corpus by their frequency."""

    def __init__(self, texts: list[str], chance: random.Random) -> None:
        self._texts, self._chance = texts, chance
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(dict.fromkeys(tokens(text), 1))
        floor = max(1, len(texts) // 100)
        self._class = {}
        for word, count in counts.items():
            if not _plain(word):
                continue
            if count >= floor:
                self._class[word] = "frequent"
            elif 2 <= count <= 20:
                self._class[word] = "rare"
            else:
                self._class[word] = ""
        self._vocabulary = {
            name: [word for word, of_class in self._class.items() if of_class == name]
            for name in ("rare", "frequent")
        }

    def terms(self, kind: str, of_class: str) -> list[str]:
        if kind in ("and", "or"):
            return self._from_text(of_class, lambda words: self._chance.sample(words, 2))
        if kind == "phrase":
            return self._from_text(of_class, self._adjacent)
        if kind.startswith("prefix"):
            length = int(kind.removeprefix("prefix"))
            while len(word := self._term(of_class)) < length:
                pass
            return [word[:length]]
        return [self._term(of_class)]

    def _term(self, of_class: str) -> str:
        if of_class != "mixed":
            return self._chance.choice(self._vocabulary[of_class])
        return self._from_text("", lambda words: [self._chance.choice(words)])[0]

    def _adjacent(self, words: list[str]) -> list[str]:
        at = self._chance.randrange(len(words) - 1)
        return words[at : at + 2]

    def _from_text(self, of_class: str, pick: Callable[[list[str]], list[str]]) -> list[str]:
        """What `pick` takes of the words of a document until it is of the class."""
        for words in self._documents():
            for _ in range(20):
                terms = pick(words)
                if terms[0] != terms[-1] or len(terms) == 1:
                    classes = [self._class.get(term) for term in terms]
                    if None not in classes and (not of_class or _is(classes, of_class)):
                        return terms
        raise AssertionError("documents do not end")

    def _documents(self) -> Iterator[list[str]]:
        while True:
            words = tokens(self._chance.choice(self._texts))
            if len(words) >= 2:
                yield words


def _is(classes: list[str | None], of_class: str) -> bool:
    if of_class == "mixed":
        return sorted(it or "" for it in classes) == ["frequent", "rare"]
    return all(it == of_class for it in classes)
