#!/usr/bin/env python3
"""Makes native/sample/ from a larger set of WordNet synsets and their embeddings.

usage: tools/make-sample.py DATA [OUT]

DATA holds wordnet-50k.jsonl and wordnet-50k.f16 (one synset a line, one row of 384
little-endian half-precision floats a synset, unit length) and queries-1k.jsonl and
queries-1k.f16 (the same, held out). OUT is native/sample beside this script's folder.

The choice is reproducible: no clock, no random generator. Around each of twenty
hand-picked queries its nearest synsets are kept, and its nearest of another part of
speech, so that filtered searches find something as well; a hash of the identifier
picks the rest.
"""

import hashlib
import json
import operator
import pathlib
import struct
import sys

DIMENSIONS = 384
ROW = struct.Struct(f"<{DIMENSIONS}e")
SYNSETS = 2500
SEED = "sigil sample 1"
NEAREST = 45
NEAREST_OTHER_POS = 12
SIZE_MAX_BYTES = 3_000_000

# Held-out synsets with a theme a reader recognises, of every part of speech.
QUERIES = [
    "n07048000",  # song
    "n07875436",  # risotto
    "n01858281",  # coscoroba, a water bird
    "n09434661",  # Sierra Madre Oriental
    "n11053817",  # Dorothy Hodgkin, chemist
    "n04470232",  # tranquilizer
    "n14072423",  # anthrax
    "n00475787",  # softball
    "n08331525",  # court-martial
    "n12761284",  # mango tree
    "n10947108",  # Bob Dylan
    "n11264193",  # Bartholomew Roberts, pirate
    "n13411157",  # audit
    "n04860759",  # timidity
    "a01119033",  # Copernican
    "a00305882",  # squally
    "a00155893",  # by heart
    "v01664722",  # deglaze
    "v01465750",  # cascade (windows on a desktop)
    "v00603298",  # train, educate
]


def read_rows(folder, name):
    """The synsets of `name`.jsonl with the bytes of their embeddings."""
    lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    blob = (folder / f"{name}.f16").read_bytes()
    if len(blob) != len(lines) * ROW.size:
        sys.exit(f"{name}.f16 holds {len(blob)} bytes, expected {len(lines)} rows of {ROW.size}")
    return [
        (json.loads(line), blob[i * ROW.size : (i + 1) * ROW.size]) for i, line in enumerate(lines)
    ]


def rank(synset):
    """A number that orders synsets as if at random, the same on every machine."""
    return hashlib.sha256(f"{SEED}:{synset['id']}".encode()).digest()


def choose(rows, queries):
    """The indices of the synsets to keep, in ascending order."""
    vectors = [ROW.unpack(embedding) for _, embedding in rows]
    kept = set()
    for query, embedding in queries:
        target = ROW.unpack(embedding)
        scores = [sum(map(operator.mul, target, vector)) for vector in vectors]
        order = sorted(range(len(rows)), key=lambda i: (-scores[i], rows[i][0]["id"]))
        kept.update(order[:NEAREST])
        others = [i for i in order if rows[i][0]["pos"] != query["pos"]]
        kept.update(others[:NEAREST_OTHER_POS])
    fill = sorted((i for i in range(len(rows)) if i not in kept), key=lambda i: rank(rows[i][0]))
    kept.update(fill[: SYNSETS - len(kept)])
    return sorted(kept)


def write(folder, name, rows):
    """Writes `name`.jsonl and `name`.f16."""
    lines = []
    for synset, _ in rows:
        record = {
            "id": synset["id"],
            "pos": synset["pos"],
            "lex": synset["lex"],
            "words": ", ".join(synset["words"]),
            "gloss": synset["gloss"],
        }
        lines.append(json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n")
    (folder / f"{name}.jsonl").write_text("".join(lines), encoding="ascii")
    (folder / f"{name}.f16").write_bytes(b"".join(embedding for _, embedding in rows))


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    data = pathlib.Path(sys.argv[1])
    default = pathlib.Path(__file__).resolve().parent.parent / "native" / "sample"
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else default
    out.mkdir(parents=True, exist_ok=True)

    held_out = {synset["id"]: (synset, row) for synset, row in read_rows(data, "queries-1k")}
    queries = [held_out[identifier] for identifier in QUERIES]
    rows = read_rows(data, "wordnet-50k")
    chosen = [rows[i] for i in choose(rows, queries)]
    write(out, "synsets", chosen)
    write(out, "queries", queries)

    size = sum(path.stat().st_size for path in out.iterdir())
    print(f"{len(chosen)} synsets and {len(queries)} queries in {out}: {size} bytes")
    if size > SIZE_MAX_BYTES:
        sys.exit(f"{size} bytes is more than the {SIZE_MAX_BYTES} the repository allows")


if __name__ == "__main__":
    main()
