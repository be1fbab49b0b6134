"""The rows of a data directory: ordinary ones, and one of every oddity that such directories hold.

Each function gives `(table, row)` pairs, and reports what is odd about a row to `odd(table, id, what)`.
A value that is `bytes` in a text column is text that is no UTF-8.
"""

import dataclasses
import json

from chance import compact, rfc3339


@dataclasses.dataclass(frozen=True)
class Size:
    """How many ordinary rows of each kind there are."""

    sessions: int
    messages_each: int
    memory: int
    summaries: int
    entities: int
    vectors: int
    users: int
    audit: int


SIZES = {
    "tiny": Size(2, 3, 8, 2, 4, 6, 2, 4),
    "small": Size(6, 12, 120, 8, 40, 120, 8, 60),
    "large": Size(40, 40, 4000, 60, 800, 2600, 60, 3000),
}

NUL = "before\0after \U0001f980"
BROKEN_UTF8 = b"tool output \xff\xfe cut \xf0\x9f"


def message(chance, session, **changes):
    role = chance.choice(["user", "assistant", "system", "tool"])
    row = {
        "id": chance.uuid(),
        "session_id": session,
        "role": role,
        "content": chance.words(),
        "tool_call_id": f"call-{chance.randrange(999)}" if role == "tool" else "",
        "tool_name": "shell" if role == "tool" else "",
        "origin": chance.choice(["", "user_input", "system", "tool_output"]),
        "threat_info": chance.threat(),
        "created_at": chance.time(),
        "metadata": chance.string_map(),
    }
    return {**row, **changes}


def odd_messages(chance, session):
    """Messages that the new store would refuse or could misread, by what is odd about them."""
    cases = {
        "nul": {"content": NUL},
        "broken-utf8": {"content": BROKEN_UTF8},
        "time-unset": {"created_at": ""},
        "time-bad": {"created_at": "2024/01/01"},
        "time-month-13": {"created_at": "2024-13-01T00:00:00Z"},
        "role-unknown": {"role": "developer"},
        "content-empty": {"role": "user", "content": "", "tool_call_id": "", "tool_name": ""},
        "tool-call-without-name": {"role": "tool", "tool_call_id": "call-1", "tool_name": ""},
        "origin-unknown": {"origin": "webhook"},
        "threat-malformed": {"threat_info": '{"scanned":tru'},
        "threat-shape": {"threat_info": '["scanned"]'},
        "threat-contradiction": {
            "threat_info": '{"scanned":false,"detected":true,"rules":null,"stage":"input"}'
        },
        "threat-stage": {"threat_info": '{"scanned":true,"detected":false,"rules":null,"stage":"later"}'},
        "metadata-malformed": {"metadata": '{"a":'},
        "metadata-shape": {"metadata": '{"a":1,"b":{"c":[true]},"d":"kept"}'},
        "metadata-list": {"metadata": '["a","b"]'},
    }
    for what, changes in cases.items():
        yield what, message(chance, session, **changes)


def session(chance, workspace, **changes):
    used = [chance.randrange(1000) for _ in range(3)]
    row = {
        "id": chance.uuid(),
        "workspace_id": workspace,
        "user_id": f"user-{chance.randrange(4)}",
        "summary": chance.words(0, 6),
        "last_compaction": chance.choice(["", chance.time()]),
        "model_override": chance.choice(["", "anthropic/claude-haiku-4-5"]),
        "tool_budget_max_calls_per_turn": 10,
        "tool_budget_max_calls_per_session": 200,
        "tool_budget_used": chance.randrange(200),
        "token_budget_per_session_limit": chance.choice([0, 100_000]),
        "token_budget_per_hour_limit": chance.choice([0, 1000]),
        "token_budget_per_day_limit": 1 << 53,
        "token_budget_used_session": used[0],
        "token_budget_used_hour": used[1],
        "token_budget_used_day": used[2],
        "status": chance.choice(["active", "paused", "archived"]),
        "created_at": chance.time(),
        "updated_at": chance.time(),
    }
    return {**row, **changes}


ODD_SESSIONS = {
    "tool-budget-overspent": {"tool_budget_used": 201},
    "token-budget-overspent": {"token_budget_per_hour_limit": 10, "token_budget_used_hour": 11},
    "budget-negative": {"token_budget_used_day": -5},
    "status-unknown": {"status": "zombie"},
    "user-empty": {"user_id": ""},
    "time-unset": {"created_at": "", "updated_at": ""},
    "time-bad": {"last_compaction": "not-a-timestamp"},
    "budget-null": {"tool_budget_used": None, "summary": None},
}


def sessions(chance, size, workspace, other, shared_id, odd):
    for _ in range(size.sessions):
        row = session(chance, workspace)
        yield "sessions", row
        for _ in range(size.messages_each):
            yield "messages", message(chance, row["id"])
    if odd is None:
        return
    first = row["id"]
    for what, changes in ODD_SESSIONS.items():
        row = session(chance, workspace, **changes)
        odd("sessions", row["id"], what)
        yield "sessions", row
        yield "messages", message(chance, row["id"])
    row = session(chance, other)
    odd("sessions", row["id"], "other-workspace")
    yield "sessions", row
    yield "messages", message(chance, row["id"])
    row = session(chance, workspace, id="")
    odd("sessions", "", "id-empty")
    yield "sessions", row
    for what, row in odd_messages(chance, first):
        odd("messages", row["id"], what)
        yield "messages", row
    row = message(chance, "no-such-session")
    odd("messages", row["id"], "session-missing")
    yield "messages", row
    yield "messages", message(chance, first, id=shared_id)
    # Two of one moment: only the order of insertion tells them apart.
    moment = chance.time()
    for _ in range(2):
        yield "messages", message(chance, first, created_at=moment)


def summary(chance, workspace, ids, **changes):
    times = [chance.time() for _ in range(3)]
    # With all its digits it cannot be before the first.
    times[1] = rfc3339(chance.now)
    row = {
        "id": f"sum-{chance.now}-{chance.getrandbits(64):016x}",
        "workspace_id": workspace,
        "from_time": times[0],
        "to_time": times[1],
        "content": chance.words(),
        "message_ids": compact(ids),
        "status": chance.choice(["committed", "committed", "pending"]),
        "created_at": times[2],
    }
    return {**row, **changes}


def memory(chance, size, workspace, other, shared_id, odd):
    ids = []
    for number in range(size.memory):
        row = message(chance, f"session-{number % 3}", workspace_id=workspace)
        ids.append(row["id"])
        yield "memory_messages", row
    for _ in range(size.summaries):
        yield "summaries", summary(chance, workspace, chance.sample(ids, 3))
    for text in ("null", "[]", ""):
        yield "summaries", summary(chance, workspace, [], message_ids=text)
    if odd is None:
        return
    for what, row in odd_messages(chance, "session-odd"):
        odd("memory_messages", row["id"], what)
        yield "memory_messages", {**row, "workspace_id": workspace}
    yield "memory_messages", message(chance, "session-0", id=shared_id, workspace_id=workspace)
    for _ in range(3):
        row = message(chance, "session-elsewhere", workspace_id=other)
        odd("memory_messages", row["id"], "other-workspace")
        yield "memory_messages", row
    row = message(chance, "session-0", workspace_id="")
    odd("memory_messages", row["id"], "workspace-empty")
    yield "memory_messages", row
    row = message(chance, "", workspace_id=workspace)
    odd("memory_messages", row["id"], "session-empty")
    yield "memory_messages", row
    cases = {
        "other-workspace": {"workspace_id": other},
        "status-unknown": {"status": "abandoned"},
        "status-empty": {"status": ""},
        "ids-malformed": {"message_ids": '["a",'},
        "ids-shape": {"message_ids": '{"a":1}'},
        "ids-numbers": {"message_ids": '["a",7,null]'},
        "time-unset": {"from_time": "", "to_time": "", "created_at": ""},
        "time-reversed": {"from_time": rfc3339(9_000_000_000), "to_time": rfc3339(8_000_000_000)},
        "nul": {"content": NUL},
    }
    for what, changes in cases.items():
        row = summary(chance, workspace, ids[:1], **changes)
        odd("summaries", row["id"], what)
        yield "summaries", row


class Triples:
    """The triples of one file, unique as its constraint has them: a later one replaces."""

    def __init__(self, chance, workspace):
        self.chance, self.workspace, self.rows = chance, workspace, {}

    def put(self, subject, predicate, object_, metadata, created=None, workspace=None):
        key = (self.workspace if workspace is None else workspace, subject, predicate, object_)
        created = self.chance.time() if created is None else created
        self.rows[key] = (metadata, created)
        return "\x1f".join(key)

    def entity(self, id_, type_, name, properties=None, **where):
        created, updated = self.chance.time(), self.chance.time()
        workspace = where.get("workspace", self.workspace)
        metadata = compact({"workspace_id": workspace, "created_at": created, "updated_at": updated})
        self.put(id_, "type", type_, metadata, created, **where)
        self.put(id_, "name", name, "", created, **where)
        for key, value in (properties or {}).items():
            self.put(id_, f"prop:{key}", compact(value), "", created, **where)

    def relationship(self, from_, type_, to, id_=None, metadata=None, **where):
        value = {"rel_id": self.chance.uuid() if id_ is None else id_}
        if metadata is not None:
            value["metadata"] = metadata
        return self.put(from_, type_, to, compact(value), **where)

    def fact(self, entity, predicate, value, id_=None, source="conversation", confidence=0.5, **where):
        metadata = {"fact_id": self.chance.uuid() if id_ is None else id_, "confidence": confidence}
        if source:
            metadata["source"] = source
        return self.put(entity, predicate, value, compact(metadata), **where)

    def pairs(self):
        for (workspace, subject, predicate, object_), (metadata, created) in self.rows.items():
            yield "triples", {
                "subject": subject,
                "predicate": predicate,
                "object": object_,
                "workspace": workspace,
                "metadata": metadata,
                "created": created,
            }


def knowledge(chance, size, workspace, other, _shared_id, odd):
    triples = Triples(chance, workspace)
    names = [f"e{number}" for number in range(size.entities)]
    for name in names:
        triples.entity(name, chance.choice(["person", "project"]), chance.words(1, 2), chance.any_map())
    for number, name in enumerate(names):
        to = names[(number + 1) % len(names)]
        triples.relationship(name, chance.choice(["knows", "uses"]), to, metadata=chance.choice([None, {}, chance.any_map()]))
        triples.fact(name, "likes", chance.words(), source=chance.choice(["", "compaction"]), confidence=chance.choice([0, 0.25, 1]))
    # A fact whose entity was never put is ordinary: memory recall asks by topic.
    triples.fact("a topic", "is", "known")
    if odd is not None:
        odd_entities(triples, other, odd)
        odd_edges(triples, names, other, odd)
    yield from triples.pairs()


def odd_entities(triples, other, odd):
    def report(what, id_):
        odd("triples", id_, what)

    triples.entity("renamed", "person", "Zed")
    triples.entity("renamed", "robot", "Al", {"colour": "red"})
    triples.entity("renamed", "robot", "Mo", {"colour": "blue"})
    report("entity-stale", "renamed")
    triples.entity("raw-property", "person", "Raw")
    triples.put("raw-property", "prop:note", "not { JSON", "")
    report("property-malformed", "raw-property")
    triples.put("nameless", "type", "person", "{}")
    report("entity-without-name", "nameless")
    triples.put("typeless", "name", "Only a name", "")
    report("entity-without-type", "typeless")
    triples.put("property-only", "prop:x", "1", "")
    report("entity-without-type", "property-only")
    triples.put("type-metadata-malformed", "type", "person", '{"created_at":')
    triples.put("type-metadata-malformed", "name", "Cut", "")
    report("entity-metadata-malformed", "type-metadata-malformed")
    triples.put("type-time-bad", "type", "person", compact({"created_at": "yesterday", "updated_at": ""}))
    triples.put("type-time-bad", "name", "Late", "")
    report("entity-time-bad", "type-time-bad")
    triples.put("type-metadata-null", "type", "person", None)
    triples.put("type-metadata-null", "name", "Null", None)
    report("entity-metadata-malformed", "type-metadata-null")
    triples.entity("", "person", "Empty id")
    report("entity-id-empty", "")
    triples.entity("nul\0entity", "pers\0on", "N\0L", {"k\0": "v\0"})
    report("nul", "nul\0entity")
    triples.entity("abroad", "person", "Abroad", workspace=other)
    report("other-workspace", "abroad")
    triples.entity("e0", "person", "Same id elsewhere", workspace=other)
    report("other-workspace", "e0")


def odd_edges(triples, names, other, odd):
    def report(what, key):
        odd("triples", key, what)

    first, second = names[0], names[1]
    report("relationship-from-missing", triples.relationship("ghost", "haunts", first))
    report("relationship-to-missing", triples.relationship(first, "fears", "ghost"))
    report("relationship-self", triples.relationship(first, "is", first))
    report("relationship-reserved", triples.relationship(first, "type", second))
    report("relationship-reserved", triples.relationship(first, "PROP:odd", second))
    report("relationship-id-empty", triples.relationship(first, "met", second, id_=""))
    report("relationship-id-shared", triples.relationship(first, "saw", second, id_="shared-rel"))
    report("relationship-id-shared", triples.relationship(second, "saw", first, id_="shared-rel"))
    report("other-workspace", triples.relationship("abroad", "knows", "abroad", workspace=other))
    report("fact-reserved", triples.fact(first, "type", "chief"))
    report("fact-reserved", triples.fact(first, "name", "Chiefy"))
    report("fact-reserved", triples.fact(first, "prop:x", "a fact, not a property"))
    report("fact-id-shared", triples.fact(first, "born", "1970", id_="shared-fact"))
    report("fact-id-shared", triples.fact(first, "born", "1971", id_="shared-fact"))
    report("fact-id-empty", triples.fact(first, "eats", "soup", id_=""))
    report("fact-id-empty", triples.fact(first, "drinks", "tea", id_=""))
    report("fact-confidence", triples.fact(first, "weighs", "much", confidence=7.5))
    report("fact-confidence", triples.fact(first, "weighs", "little", confidence=-1))
    report("fact-confidence", triples.put(first, "weighs", "text", '{"fact_id":"f-text","confidence":"high"}'))
    report("fact-value-empty", triples.fact(first, "lacks", ""))
    report("fact-entity-empty", triples.fact("", "floats", "free"))
    report("nul", triples.fact(first, "nul", "a\0b"))
    report("fact-time", triples.fact(first, "was", "unset", created=""))
    report("fact-time", triples.fact(first, "was", "bad", created="2024/01/01"))
    report("both-kinds", triples.put(first, "both", second, '{"rel_id":"r-both","fact_id":"f-both","confidence":1}'))
    report("metadata-malformed", triples.put(first, "broken", second, '{"rel_id":"r'))
    report("metadata-malformed", triples.put(first, "broken", "", ""))
    report("metadata-neither", triples.put(first, "bare", second, None))
    report("metadata-neither", triples.put(first, "bare", "object", "{}"))
    report("metadata-shape", triples.put(first, "shape", "number id", '{"fact_id":7,"confidence":1}'))
    report("metadata-shape", triples.put(first, "shape", "list", '["rel_id"]'))
    report("metadata-shape", triples.put(first, "shape", second, '{"rel_id":"r-shape","metadata":"text"}'))
    report("other-workspace", triples.fact("abroad", "is", "far", workspace=other))


def vectors(chance, size, workspace, other, shared_id, odd, dimensions):
    """Vectors are stored and deleted again as the program does, so that chunks have holes."""
    ids = [f"v{number}" for number in range(size.vectors)]
    for id_ in ids:
        metadata = {"workspace_id": workspace, "session_id": "session-0", "content": chance.words()}
        yield "store", (id_, chance.vector(dimensions), compact(metadata))
    yield "store", (shared_id, chance.vector(dimensions), compact({"workspace_id": workspace, "kind": "summary"}))
    yield "store", ("plain", chance.vector(dimensions), "{}")
    for id_ in chance.sample(ids, len(ids) // 5):
        yield "delete", id_
    # Stored anew: the vector moves to the end, its old place stays a hole.
    for id_ in chance.sample(ids, max(2, len(ids) // 10)):
        yield "store", (id_, chance.vector(dimensions), compact({"workspace_id": workspace, "version": "2"}))
    if odd is None:
        return
    nan, infinite = b"\0\0\xc0\x7f", b"\0\0\x80\xff"
    cases = {
        "not-finite": ("nan", nan + chance.vector(dimensions - 1), compact({"workspace_id": workspace})),
        "not-finite ": ("infinite", chance.vector(dimensions - 1) + infinite, "{}"),
        "id-empty": ("", chance.vector(dimensions), "{}"),
        "other-workspace": ("abroad", chance.vector(dimensions), compact({"workspace_id": other})),
        "metadata-malformed": ("malformed", chance.vector(dimensions), '{"workspace_id":'),
        "metadata-shape": ("shape", chance.vector(dimensions), '["workspace_id"]'),
        "metadata-nested": ("nested", chance.vector(dimensions), json.dumps({"a": {"b": [1, None]}, "n": 2.5, "t": True, "z": None})),
        "metadata-missing": ("no metadata row", chance.vector(dimensions), None),
        "nul": ("nul\0id", chance.vector(dimensions), compact({"content": NUL})),
    }
    for what, row in cases.items():
        odd("vectors", row[0], what.strip())
        yield "store", row
    odd("vector_metadata", "metadata without vector", "vector-missing")
    yield "store", ("metadata without vector", None, compact({"workspace_id": workspace}))


def user(chance, **changes):
    row = {"id": chance.uuid(), "name": chance.words(1, 2), "role": chance.choice(["", "admin", "member"])}
    return {**row, "created_at": chance.time(), "updated_at": chance.time(), **changes}


def identity(chance, owner, **changes):
    row = {"user_id": owner, "platform": chance.choice(["telegram", "matrix"])}
    return {**row, "platform_user_id": chance.uuid(), "display_name": chance.words(0, 2), **changes}


def pairing(chance, owner, **changes):
    row = {
        "id": chance.uuid(),
        "user_id": owner,
        "channel_type": chance.choice(["telegram", "matrix"]),
        "channel_id": chance.uuid(),
        "workspace_id": chance.choice(["", "home"]),
        "status": chance.choice(["active", "pending", "denied"]),
        "created_at": chance.time(),
    }
    return {**row, **changes}


def audit(chance, number, **changes):
    row = {
        "id": f"aud-{chance.now}-{number}",
        "timestamp": chance.time(),
        "action": chance.choice(["tool.execute", "capability.check", "scan.finding"]),
        "actor": f"user-{chance.randrange(4)}",
        "plugin": chance.choice(["", "shell"]),
        "workspace_id": chance.choice(["", "home"]),
        "session_id": chance.choice(["", "session-0"]),
        "details": chance.choice(["{}", compact(chance.any_map()), '{"count":42,"cost":0.1}']),
        "result": chance.choice(["", "allowed", "denied"]),
    }
    return {**row, **changes}


def gateway(chance, size, odd):
    users = [user(chance) for _ in range(size.users)]
    for row in users:
        yield "users", row
        for _ in range(2):
            yield "user_identities", identity(chance, row["id"])
        yield "pairings", pairing(chance, row["id"])
    for number in range(size.audit):
        yield "audit_log", audit(chance, number)
    if odd is None:
        return
    first, second = users[0]["id"], users[1]["id"]
    for owner in (first, second):
        yield "user_identities", identity(chance, owner, platform="discord", platform_user_id="shared")
    odd("user_identities", "discord\x1fshared", "identity-shared")
    row = identity(chance, "no-such-user")
    odd("user_identities", f"{row['platform']}\x1f{row['platform_user_id']}", "user-missing")
    yield "user_identities", row
    row = identity(chance, first, platform="", platform_user_id="")
    odd("user_identities", "\x1f", "identity-empty")
    yield "user_identities", row
    for what, changes in {
        "time-unset": {"created_at": "", "updated_at": ""},
        "time-bad": {"created_at": "2024-02-30T00:00:00Z"},
        "id-empty": {"id": ""},
        "nul": {"name": NUL},
        "broken-utf8": {"name": BROKEN_UTF8},
    }.items():
        row = user(chance, **changes)
        odd("users", row["id"], what)
        yield "users", row
    for what, changes in {
        "pairing-id-empty": {"id": "", "created_at": ""},
        "time-unset": {"created_at": ""},
        "status-unknown": {"status": "maybe"},
        "user-missing": {"user_id": "no-such-user"},
        "channel-empty": {"channel_type": "", "channel_id": ""},
    }.items():
        row = pairing(chance, first, **changes)
        odd("pairings", row["id"], what)
        yield "pairings", row
    for what, changes in {
        "time-unset": {"timestamp": ""},
        "time-bad": {"timestamp": "Tue Jan  2 15:04:05 2024"},
        "details-malformed": {"details": '{"arguments":"cut'},
        "details-shape": {"details": "[1,2]"},
        "details-number": {"details": "42"},
        "details-too-big": {"details": '{"big":12345678901234567890}'},
        "id-empty": {"id": ""},
        "nul": {"details": compact({"text": NUL})},
    }.items():
        row = audit(chance, what, **changes)
        odd("audit_log", row["id"], what)
        yield "audit_log", row
