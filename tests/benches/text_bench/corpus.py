"""The corpora that all sides read, made once and kept as JSON lines of key, text and tag.

- `wordnet`: 50,000 short documents, "word, word: gloss" of wordnet-50k.jsonl.
- `manuals`: some tens of thousands of long ones, sections of the documentation that Debian packages
  bring in nine languages and more: packages.txt names them.
- `messages`: 100,000 of the length of messages, the former and paragraphs of the latter, shuffled.
- `appended`: 2,000 more paragraphs, which are none of the messages.

A tag is a number from 0 to 9 that follows from the key, so that a filter on one leaves a tenth.
"""

import gzip
import hashlib
import json
import os
import random
import re
import subprocess
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import queries
from .markup import BY_FORMAT, Section

SEED = 2026
LONGEST, SHORTEST = 16_384, 400
MESSAGES, APPENDED = 100_000, 2_000
CORPORA = ("wordnet", "manuals")

_FORMATS = [
    # Tables of contents, indices and what was made of the same source a second time are left out.
    (re.compile(r"/_sources/.*\.rst\.txt$"), "rst"),
    (re.compile(r"python3.*\.html$|/(genindex|bookindex|search|index-.*)\.html$"), ""),
    (re.compile(r"/(policy\.html|developers-reference)/.*\.html$"), "html"),
    (re.compile(r"\.html(\.gz)?$"), "html"),
    (re.compile(r"/man/(?:[\w.@-]+/)?man\d\w*/[^/]+\.gz$"), "roff"),
    (re.compile(r"\.pod$"), "pod"),
]


@dataclass(frozen=True)
class Corpus:
    """The directory that was given, the one that files are made in, and the packages."""

    source: Path
    made: Path
    packages: Path

    def docs(self, name: str) -> Path:
        return self.made / f"{name}.jsonl"

    def queries(self, name: str) -> Path:
        return self.made / f"{name}.queries.jsonl"

    def about(self) -> dict[str, str]:
        """What each file holds, and of which packages it was made."""
        return dict(json.loads((self.made / "about.json").read_text(encoding="utf-8")))

    def prepare(self) -> None:
        """Makes every file, unless they are there and were made of the same."""
        sources = Path(__file__).parent
        stamp = hashlib.sha256()
        for path in sorted(sources.glob("*.py")):
            if path.stem in ("corpus", "markup", "queries"):
                stamp.update(path.read_bytes())
        for path in self._debs():
            stamp.update(path.name.encode())
        stamp.update(str((self.source / "wordnet-50k.jsonl").stat().st_size).encode())
        done = self.made / "stamp"
        if done.exists() and done.read_text() == stamp.hexdigest():
            return
        self.made.mkdir(parents=True, exist_ok=True)
        self._make()
        done.write_text(stamp.hexdigest())

    def _make(self) -> None:
        chance = random.Random(SEED)
        # An id of WordNet's may stand there twice, so the number of the line is the key.
        wordnet = [(f"w-{number:05}", text) for number, text in enumerate(self._wordnet())]
        manuals: dict[str, list[Section]] = {}
        unique: set[bytes] = set()
        sections = 0
        for package, path, section in self._sections():
            for part in _cut(section):
                digest = hashlib.md5("\n".join(part).encode(), usedforsecurity=False).digest()
                if digest not in unique:
                    unique.add(digest)
                    manuals.setdefault(package, []).append(part)
                    sections += 1
        long = [
            (f"m-{package}-{number}", "\n".join(part))
            for package, parts in manuals.items()
            for number, part in enumerate(parts)
        ]
        chance.shuffle(wordnet)
        chance.shuffle(long)
        parts = [part for of_package in manuals.values() for part in of_package]
        short = list(dict.fromkeys(text for part in parts for text in _messages(part)))
        chance.shuffle(short)
        rest = MESSAGES - len(wordnet)
        messages = [text for _, text in wordnet] + short[:rest]
        chance.shuffle(messages)
        made = {
            "wordnet": wordnet,
            "manuals": long,
            "messages": [(f"msg-{number:06}", text) for number, text in enumerate(messages)],
            "appended": [
                (f"new-{number:06}", text)
                for number, text in enumerate(short[rest : rest + APPENDED])
            ],
        }
        about = {}
        for name, rows in made.items():
            _write(self.docs(name), rows)
            size = sum(len(text.encode()) for _, text in rows)
            about[name] = f"{len(rows):,} documents, {size / 1e6:.1f} MB of UTF-8"
        about["manuals"] += " of " + ", ".join(
            path.name.removesuffix(".deb").replace("_", " ").rsplit(" ", 1)[0].replace("%3a", ":")
            for path in self._debs()
        )
        for name in (*CORPORA, "messages"):
            drawn = queries.draw([text for _, text in made[name]], random.Random(SEED))
            with open(self.queries(name), "w", encoding="utf-8") as file:
                file.writelines(json.dumps(query, ensure_ascii=False) + "\n" for query in drawn)
        (self.made / "about.json").write_text(json.dumps(about, indent=1), encoding="utf-8")

    def _wordnet(self) -> Iterator[str]:
        with open(self.source / "wordnet-50k.jsonl", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                yield f"{', '.join(record['words'])}: {record['gloss']}"

    def _debs(self) -> list[Path]:
        """The packages' files, in the order of packages.txt."""
        names = (Path(__file__).parent / "packages.txt").read_text().split()
        return [path for name in names for path in sorted(self.packages.glob(f"{name}_*.deb"))[-1:]]

    def _sections(self) -> Iterator[tuple[str, str, Section]]:
        for deb in self._debs():
            package = deb.name.partition("_")[0]
            # Nothing is installed: the files are read out of the packages.
            command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                with tarfile.open(fileobj=process.stdout, mode="r|") as files:
                    for path, source in _texts(package, files):
                        kind = _format(package, path)
                        for section in BY_FORMAT[kind](source):
                            yield package, path, section
            if process.returncode:
                raise SystemExit(f"dpkg-deb cannot read {deb}")


def _format(package: str, path: str) -> str:
    for pattern, kind in _FORMATS:
        if pattern.search(f"{package}{path}"):
            # These two have their sources beside their pages.
            sphinx = package in ("debian-policy", "developers-reference")
            return "" if sphinx and kind == "rst" else kind
    return ""


def _texts(package: str, files: tarfile.TarFile) -> Iterator[tuple[str, str]]:
    for member in files:
        if member.isfile() and _format(package, member.name):
            file = files.extractfile(member)
            assert file is not None
            content = file.read()
            if member.name.endswith(".gz"):
                content = gzip.decompress(content)
            yield member.name, content.decode("utf-8", errors="replace")


def _cut(section: Section) -> Iterator[Section]:
    """A section, in parts where it is longer than a document may be; short ones are dropped."""
    part: Section = []
    size = 0
    for paragraph in (piece for it in section for piece in _pieces(it, LONGEST)):
        if size + len(paragraph) > LONGEST:
            yield part
            part, size = [], 0
        part.append(paragraph)
        size += len(paragraph) + 1
    if size >= SHORTEST:
        yield part


def _pieces(text: str, most: int) -> Iterator[str]:
    for start in range(0, len(text), most):
        yield text[start : start + most]


def _messages(section: Section) -> Iterator[str]:
    """Paragraphs of 100 to 2,000 characters."""
    return (text for text in section if 100 <= len(text) <= 2_000)


def _write(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    partial = path.with_suffix(".partial")
    with open(partial, "w", encoding="utf-8") as file:
        for key, text in rows:
            row = {"key": key, "tag": zlib.crc32(key.encode()) % 10, "text": text}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    os.replace(partial, path)
