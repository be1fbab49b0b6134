#!/usr/bin/env python3
"""Makes a data directory of the layout that `sigil migrate` reads, with the C SQLite, FTS5 and sqlite-vec.

usage: generate.py OUT [--seed N] [--size tiny|small|large] [--schema current|old|altered]
                   [--dimensions N] [--page-size N] [--workspace NAME]... [--file NAME]... [--wal] [--plain]

    OUT/data              the directory: gateway.db, workspaces/NAME/{sessions,memory,knowledge,vectors}.db
    OUT/expected.jsonl    every row, as plain SQL on the C SQLite reads it: file, table, rowid, columns.
                          Bytes are {"blob": HEX}; text that is no UTF-8 is {"text": HEX}.
    OUT/odd.jsonl         what is odd about which row: file, table, id, what

What comes out follows from the arguments alone, but for the files of --wal, which leaves the last
transactions of every file in its log, with what an open connection has beside it. --plain leaves out
the oddities, --file makes only that file of each workspace. Several --workspace make several; one of
the oddities is that its files hold rows of the next.
"""

import argparse
import json
import pathlib
import shutil
import tempfile

import apsw
import sqlite_vec

import rows
import schema
from chance import Chance

FILES = ["sessions.db", "memory.db", "knowledge.db", "vectors.db"]
SHARED_ID = "in-both-stores"


def connect(path, page_size):
    connection = apsw.Connection(str(path))
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    connection.enable_load_extension(False)
    connection.execute(f"PRAGMA page_size={page_size}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    return connection


def insert(connection, table, row):
    values = ["CAST(? AS TEXT)" if isinstance(value, bytes) else "?" for value in row.values()]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(values)})", tuple(row.values())
    )


def store_vector(connection, what, value):
    if what == "delete":
        connection.execute("DELETE FROM vectors WHERE id = ?", (value,))
        connection.execute("DELETE FROM vector_metadata WHERE id = ?", (value,))
        return
    id_, vector, metadata = value
    connection.execute("DELETE FROM vectors WHERE id = ?", (id_,))
    if vector is not None:
        connection.execute("INSERT INTO vectors (id, embedding) VALUES (?, ?)", (id_, vector))
    if metadata is not None:
        connection.execute("INSERT OR REPLACE INTO vector_metadata VALUES (?, ?)", (id_, metadata))


def fill(connection, file, pairs, version):
    """Puts the rows in, in a few transactions; half of them before the later columns, if those are added."""
    pairs = list(pairs)
    later = schema.LATER_COLUMNS.get(file, [])
    known = {
        table: {column[1] for column in connection.execute(f"PRAGMA table_info({table})")}
        for table in schema.TABLES[file]
    }
    step = max(1, len(pairs) // 5)
    for start in range(0, len(pairs), step):
        if version == schema.ALTERED and later and start >= len(pairs) // 2:
            for statement in later:
                connection.execute(statement)
            later = []
            for table in known:
                known[table] = {column[1] for column in connection.execute(f"PRAGMA table_info({table})")}
        connection.execute("BEGIN")
        for table, row in pairs[start : start + step]:
            if file == "vectors.db":
                store_vector(connection, table, row)
            else:
                insert(connection, table, {name: value for name, value in row.items() if name in known[table]})
        connection.execute("COMMIT")


def exact(type_, value):
    """A value that JSON can hold, and nothing else can be taken for."""
    if type_ == "blob":
        return {"blob": value.hex()}
    if type_ == "text":
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"text": value.hex()}
    return value


def dump(connection, place, file, out):
    for table in schema.TABLES[file]:
        names = [column[1] for column in connection.execute(f"PRAGMA table_info({table})")]
        key = "rowid"
        if table == "vectors":
            # The virtual table has no rowid of its own and hides columns.
            names, key = ["id", "embedding"], "NULL"
        columns = ", ".join(
            f"typeof({name}), CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END"
            for name in names
        )
        for rowid, *cells in connection.execute(f"SELECT {key}, {columns} FROM {table} ORDER BY 1"):
            pairs = zip(names, zip(cells[::2], cells[1::2]))
            row = {name: exact(*cell) for name, cell in pairs}
            record = {"file": place, "table": table, "rowid": rowid, "row": row}
            out.write(json.dumps(record, separators=(",", ":")) + "\n")


def deliver(connection, path, target, in_wal):
    """Puts the finished database in its place: at rest, or as an open connection has it."""
    if in_wal:
        for suffix in ("", "-wal", "-shm"):
            shutil.copyfile(f"{path}{suffix}", f"{target}{suffix}")
        connection.close()
    else:
        connection.close()
        shutil.copyfile(path, target)


def make(arguments, place, file, pairs, out):
    target = arguments.out / "data" / place
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / file
        connection = connect(path, arguments.page_size)
        connection.execute(schema.text(file, arguments.schema, arguments.dimensions))
        if arguments.wal:
            # What is here so far is checkpointed, and what follows is not.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA wal_autocheckpoint=0")
        fill(connection, file, pairs, arguments.schema)
        dump(connection, place, file, out)
        deliver(connection, path, target, arguments.wal)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", choices=rows.SIZES, default="tiny")
    parser.add_argument("--schema", choices=schema.VERSIONS, default=schema.CURRENT)
    parser.add_argument("--dimensions", type=int, default=3)
    parser.add_argument("--page-size", type=int, default=4096)
    parser.add_argument("--workspace", action="append", default=[])
    parser.add_argument("--file", action="append", default=[])
    parser.add_argument("--wal", action="store_true")
    parser.add_argument("--plain", action="store_true")
    return parser.parse_args()


def main():
    given = arguments()
    given.out.mkdir(parents=True, exist_ok=True)
    files = given.file or ["gateway.db", *FILES]
    size, workspaces = rows.SIZES[given.size], given.workspace or ["home", "work"]
    with (given.out / "expected.jsonl").open("w") as expected, (given.out / "odd.jsonl").open("w") as oddities:

        def reporter(place):
            def odd(table, id_, what):
                record = {"file": place, "table": table, "id": id_, "what": what}
                oddities.write(json.dumps(record, separators=(",", ":")) + "\n")

            return None if given.plain else odd

        if "gateway.db" in files:
            chance = Chance(f"{given.seed} gateway")
            pairs = rows.gateway(chance, size, reporter("gateway.db"))
            make(given, "gateway.db", "gateway.db", pairs, expected)
        for number, workspace in enumerate(workspaces):
            other = (workspaces + ["nowhere: else"])[number + 1]
            for file in (file for file in FILES if file in files):
                chance = Chance(f"{given.seed} {workspace} {file}")
                place = f"workspaces/{workspace}/{file}"
                rest = (chance, size, workspace, other, SHARED_ID, reporter(place))
                if file == "vectors.db":
                    pairs = rows.vectors(*rest, given.dimensions)
                else:
                    pairs = getattr(rows, file.removesuffix(".db"))(*rest)
                make(given, place, file, pairs, expected)


if __name__ == "__main__":
    main()
