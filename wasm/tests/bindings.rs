//! The bindings as JavaScript sees them, on the wasm target: in Node and in a browser.

#![cfg(target_arch = "wasm32")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use js_sys::{Array, BigInt, Float64Array, Function, JsString, Object, Reflect, Uint8Array};
use sigil_wasm::{WasmImageOpener, WasmStore, WasmVectorIndex};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

fn settings() -> JsValue {
    Object::new().into()
}

fn memory() -> WasmStore {
    WasmStore::open_memory(None, settings()).unwrap()
}

fn code(thrown: &JsValue) -> String {
    assert!(!thrown.is_instance_of::<js_sys::Error>(), "a failure is no Error: {thrown:?}");
    Reflect::get(thrown, &"code".into()).unwrap().as_string().unwrap()
}

fn eval(source: &str) -> JsValue {
    Function::new_no_args(&format!("return {source}")).call0(&JsValue::NULL).unwrap()
}

#[wasm_bindgen_test]
fn values_cross_in_both_directions() {
    let store = memory();
    let packed = store
        .table(
            "SELECT ?, ?, ?, ?, ?, ?",
            &eval("[1, 0.5, 'gr\\u00fc\\u00df', null, 2n ** 62n, new Uint8Array([7, 8])]"),
        )
        .unwrap();
    let tags: Uint8Array = packed.get(1).unchecked_into();
    assert_eq!(tags.to_vec(), [1, 1, 3, 0, 2, 4]);
    let numbers: Float64Array = packed.get(2).unchecked_into();
    assert_eq!(numbers.to_vec(), [1.0, 0.5, 4.0, 2.0]);
    let bigints: js_sys::BigInt64Array = packed.get(3).unchecked_into();
    assert_eq!(bigints.to_vec(), [1 << 62]);
    let texts: Array = packed.get(4).unchecked_into();
    assert_eq!(texts.get(0), JsValue::from_str("gr\u{fc}\u{df}"));
    let blobs: Uint8Array = packed.get(5).unchecked_into();
    assert_eq!(blobs.to_vec(), [7, 8]);
}

#[wasm_bindgen_test]
fn what_is_no_sql_value_is_refused() {
    let store = memory();
    let refused = [
        "[undefined]",
        "[NaN]",
        "[{}]",
        "[[]]",
        "[new Date()]",
        "[Symbol('s')]",
        "[() => 1]",
        "['\\ud800']",
        "[2n ** 63n]",
        "[2n ** 300n]",
        "[-(2n ** 63n) - 1n]",
        "'text'",
        "7",
        "true",
        "new Uint8Array(1)",
        "{ a: undefined }",
        "[new Proxy({}, { get() { throw 1 } })]",
    ];
    for source in refused {
        let thrown = store.table("SELECT ?", &eval(source)).unwrap_err();
        assert_eq!(code(&thrown), "invalid-input", "{source}");
    }
    assert!(store.table("SELECT ?", &eval("[-(2n ** 63n)]")).is_ok());
    assert!(store.table("SELECT :a", &eval("({ a: 1 })")).is_ok());
}

#[wasm_bindgen_test]
fn a_begin_that_is_left_open_is_rolled_back() {
    let store = memory();
    store.exec("CREATE TABLE t (a)", &JsValue::UNDEFINED).unwrap();
    let thrown = store.exec("BEGIN; INSERT INTO t VALUES (1)", &JsValue::UNDEFINED).unwrap_err();
    assert_eq!(code(&thrown), "unsupported");
    store.begin().unwrap();
    store.exec("INSERT INTO t VALUES (?)", &eval("[2]")).unwrap();
    assert_eq!(code(&store.exec("COMMIT", &JsValue::UNDEFINED).unwrap_err()), "busy");
    store.commit().unwrap();
    assert_eq!(code(&store.commit().unwrap_err()), "invalid-input");
    let changes = store.exec("DELETE FROM t", &JsValue::UNDEFINED).unwrap();
    assert!((changes - 1.0).abs() < f64::EPSILON, "{changes} rows were there");
    assert_eq!(store.integrity_check().unwrap(), Vec::<String>::new());
}

/// Files in JavaScript whose writes fail after a number of them, with an error of the host.
fn failing_files(writes: u32) -> JsValue {
    eval(&format!(
        "(() => {{
           const files = [], names = new Map();
           let left = {writes};
           return {{
             open(name, create) {{
               if (!names.has(name)) {{
                 if (!create) throw {{ code: 'not-found', message: 'no file' }};
                 names.set(name, files.push(new Uint8Array()) - 1);
               }}
               return names.get(name);
             }},
             remove(name) {{ names.delete(name); }},
             exists: (name) => names.has(name),
             read(handle, offset, into) {{
               const part = files[handle].subarray(offset, offset + into.length);
               into.set(part);
               return part.length;
             }},
             write(handle, offset, bytes) {{
               if (left-- <= 0) throw Object.assign(new Error('no room'), {{ code: 'full' }});
               const end = Math.max(files[handle].length, offset + bytes.length);
               const grown = new Uint8Array(end);
               grown.set(files[handle]);
               grown.set(bytes, offset);
               files[handle] = grown;
             }},
             truncate(handle, length) {{
               const cut = new Uint8Array(length);
               cut.set(files[handle].subarray(0, length));
               files[handle] = cut;
             }},
             sync() {{}},
             size: (handle) => files[handle].length,
             refill(n) {{ left = n; }},
           }};
         }})()"
    ))
}

fn open_files(files: &JsValue) -> Result<WasmStore, JsValue> {
    WasmStore::open_files(files.clone().unchecked_into(), None, 4, None, settings())
}

#[wasm_bindgen_test]
fn an_error_of_the_host_keeps_its_code_and_is_the_cause() {
    let files = failing_files(1_000);
    let store = open_files(&files).unwrap();
    store.exec("CREATE TABLE t (a)", &JsValue::UNDEFINED).unwrap();
    let refill: Function = Reflect::get(&files, &"refill".into()).unwrap().unchecked_into();
    refill.call1(&files, &0.into()).unwrap();
    assert!(store.poisoned().is_undefined());
    let thrown = store.exec("INSERT INTO t VALUES (1)", &JsValue::UNDEFINED).unwrap_err();
    assert_eq!(code(&thrown), "full");
    let cause = Reflect::get(&thrown, &"cause".into()).unwrap();
    assert_eq!(cause.unchecked_ref::<js_sys::Error>().message(), JsString::from("no room"));
    assert_eq!(code(&store.poisoned()), "full");
    let thrown = store.table("SELECT 1", &JsValue::UNDEFINED).unwrap_err();
    assert_eq!(code(&thrown), "poisoned");
    refill.call1(&files, &1_000.into()).unwrap();
    let store = open_files(&files).unwrap();
    assert!(store.table("SELECT * FROM t", &JsValue::UNDEFINED).is_ok());
}

#[wasm_bindgen_test]
fn whichever_write_fails_the_store_opens_again() {
    for writes in 0..40 {
        let files = failing_files(writes);
        let refill: Function = Reflect::get(&files, &"refill".into()).unwrap().unchecked_into();
        let mut acknowledged = 0;
        if let Ok(store) = open_files(&files) {
            let run = |sql: &str| store.exec(sql, &JsValue::UNDEFINED);
            if run("CREATE TABLE t (a)").is_ok() {
                acknowledged +=
                    (0..10).take_while(|_| run("INSERT INTO t VALUES (1)").is_ok()).count();
            }
        }
        refill.call1(&files, &100_000.into()).unwrap();
        let store = open_files(&files).unwrap();
        store.exec("CREATE TABLE IF NOT EXISTS t (a)", &JsValue::UNDEFINED).unwrap();
        let rows = store.table("SELECT a FROM t", &JsValue::UNDEFINED).unwrap();
        let found = rows.get(1).unchecked_into::<Uint8Array>().length() as usize;
        assert!(
            (acknowledged..=acknowledged + 1).contains(&found),
            "after {writes} writes: {found}"
        );
    }
}

#[wasm_bindgen_test]
fn an_image_goes_out_and_comes_back() {
    let blobs = js_sys::Map::new();
    let flush = |store: &WasmStore| {
        let planned = store.plan_flush(true).unwrap();
        if planned.is_undefined() {
            return false;
        }
        let planned: Array = planned.unchecked_into();
        let (names, bytes): (Array, Array) =
            (planned.get(0).unchecked_into(), planned.get(1).unchecked_into());
        for (name, bytes) in names.iter().zip(bytes.iter()) {
            blobs.set(&name, &bytes);
        }
        blobs.set(&planned.get(2), &planned.get(3));
        store.flushed().unwrap();
        true
    };
    let open = || {
        let mut opener = WasmImageOpener::create(settings()).unwrap();
        loop {
            let names = opener.wanted().unwrap();
            if names.is_empty() {
                return opener.open(None).unwrap();
            }
            for name in names {
                let bytes = blobs.get(&JsValue::from_str(&name));
                let bytes = bytes.dyn_into::<Uint8Array>().ok().map(|bytes| bytes.to_vec());
                opener.supply(name, bytes);
            }
        }
    };
    let store = open();
    assert!(store.unflushed());
    store.exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)", &JsValue::UNDEFINED).unwrap();
    assert!(flush(&store));
    assert!(!store.unflushed() && !flush(&store));
    let before = store.extent();
    store.exec("INSERT INTO t VALUES (2)", &JsValue::UNDEFINED).unwrap();
    assert!(store.unflushed() && store.extent() > before);
    assert!(flush(&store));
    let reopened = open();
    let rows = reopened.table("SELECT a FROM t", &JsValue::UNDEFINED).unwrap();
    assert_eq!(rows.get(2).unchecked_into::<Float64Array>().to_vec(), [1.0, 2.0]);
    assert_eq!(code(&memory().plan_flush(false).unwrap_err()), "invalid-input");
}

#[wasm_bindgen_test]
fn an_index_goes_through_its_bytes() {
    let mut index = WasmVectorIndex::create(2, "l2", "f32").unwrap();
    assert!(!index.add("a", &[1.0, 2.0], r#"{"k": 1}"#).unwrap());
    assert!(index.add("a", &[1.0, 3.0], r#"{"k": 1}"#).unwrap());
    assert_eq!(code(&index.add("b", &[1.0], "{}").unwrap_err()), "invalid-input");
    assert_eq!(code(&index.add("b", &[1.0, 2.0], "{").unwrap_err()), "invalid-input");
    let index = WasmVectorIndex::from_bytes(&index.to_bytes().unwrap()).unwrap();
    let options = eval(r#"({ k: 5, filter: '{"k": 1}', exact: true })"#);
    assert_eq!(ids(&index.search(&[1.0, 3.0], options).unwrap()), ["a"]);
    assert_eq!(code(&WasmVectorIndex::from_bytes(b"no").unwrap_err()), "corrupt");
    for (dimensions, metric, precision) in [(0, "l2", "f32"), (1, "x", "f32"), (1, "l2", "f64")] {
        let thrown = WasmVectorIndex::create(dimensions, metric, precision).unwrap_err();
        assert_eq!(code(&thrown), "invalid-input");
    }
}

fn at(packed: &Array, index: u32) -> Array {
    packed.get(index).unchecked_into()
}

fn texts(values: &Array) -> Vec<String> {
    values.iter().map(|value| value.as_string().unwrap()).collect()
}

/// The ids of packed hits.
fn ids(hits: &Array) -> Vec<String> {
    texts(&at(hits, 0))
}

fn number(object: &JsValue, name: &str) -> f64 {
    Reflect::get(object, &name.into()).unwrap().as_f64().unwrap()
}

fn text(object: &JsValue, name: &str) -> String {
    Reflect::get(object, &name.into()).unwrap().as_string().unwrap()
}

const COUNT: u16 = 20;

/// What the tests below search: numbers on a line, by their names, with their remainders by 2.
fn line() -> (Vec<String>, Vec<f32>, Vec<String>) {
    let numbers = 0..COUNT;
    let ids = numbers.clone().map(|n| format!("v{n:02}")).collect();
    let metadata = numbers.clone().map(|n| format!(r#"{{"odd": {}}}"#, n % 2 == 1)).collect();
    (ids, numbers.map(f32::from).collect(), metadata)
}

fn index() -> WasmVectorIndex {
    let mut index = WasmVectorIndex::create(1, "l2", "f16").unwrap();
    let (ids, vectors, metadata) = line();
    for ((id, vector), metadata) in ids.iter().zip(vectors).zip(&metadata) {
        index.add(id, &[vector], metadata).unwrap();
    }
    index
}

fn collection(precision: &str, resident: &str) -> WasmStore {
    let store = memory();
    let made = store.create_collection("line", 1, "l2", precision, resident).unwrap();
    assert_eq!([text(&made, "precision"), text(&made, "resident")], [precision, resident]);
    let (ids, vectors, metadata) = line();
    store.store_vectors("line", ids, &vectors, metadata).unwrap();
    store
}

type Outcome = Result<Array, JsValue>;

/// An index, or a store with a collection, whose searches are the same.
enum Searched {
    Index(Box<WasmVectorIndex>),
    Line(WasmStore),
}

fn owned(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

impl Searched {
    fn all() -> Vec<Searched> {
        let collections = [("f32", "f32"), ("f32", "int8"), ("f16", "int8")];
        let lines = collections.map(|(stored, held)| Searched::Line(collection(stored, held)));
        std::iter::once(Searched::Index(Box::new(index()))).chain(lines).collect()
    }

    fn search(&self, query: &[f32], options: &str) -> Outcome {
        match self {
            Searched::Index(index) => index.search(query, eval(options)),
            Searched::Line(store) => store.search_vectors("line", query, eval(options)),
        }
    }

    fn many(&self, queries: &[f32], options: &str) -> Outcome {
        match self {
            Searched::Index(index) => index.search_many(queries, eval(options)),
            Searched::Line(store) => store.search_many_vectors("line", queries, eval(options)),
        }
    }

    fn within(&self, query: &[f32], distance: f64) -> Outcome {
        match self {
            Searched::Index(index) => index.within(query, distance, eval("({})")),
            Searched::Line(store) => store.vectors_within("line", query, distance, eval("({})")),
        }
    }

    fn like(&self, id: &str, options: &str) -> Outcome {
        match self {
            Searched::Index(index) => index.search_like(id, eval(options)),
            Searched::Line(store) => store.vectors_like("line", id, eval(options)),
        }
    }

    fn recommend(&self, some: &[&str], not: &[&str], options: &str) -> Outcome {
        let (some, not, options) = (owned(some), owned(not), eval(options));
        match self {
            Searched::Index(index) => index.recommend(some, not, options),
            Searched::Line(store) => store.recommend_vectors("line", some, not, options),
        }
    }

    fn explain(&self, query: &[f32], options: &str) -> Outcome {
        match self {
            Searched::Index(index) => index.explain(query, eval(options)),
            Searched::Line(store) => store.explain_vectors("line", query, eval(options)),
        }
    }

    fn recall(&self, sample: usize, k: usize) -> JsValue {
        let checked = match self {
            Searched::Index(index) => index.recall_check(sample, k),
            Searched::Line(store) => store.check_recall("line", sample, k),
        };
        checked.unwrap()
    }
}

#[wasm_bindgen_test]
fn every_search_of_the_core_can_be_asked() {
    for searches in Searched::all() {
        let hits = searches.search(&[2.2], "({ k: 3 })").unwrap();
        assert_eq!(ids(&hits), ["v02", "v03", "v01"]);
        let distances: Float64Array = hits.get(1).unchecked_into();
        let expected = [0.2, 0.8, 1.2];
        assert!(distances.to_vec().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6));
        assert_eq!(texts(&at(&hits, 2))[1], r#"{"odd":true}"#);

        let odd =
            r#"({ k: 9, filter: '{"odd": true}', after: { score: 0.5, id: "v02", seen: 1 } })"#;
        let after = searches.search(&[2.2], odd).unwrap();
        assert_eq!(ids(&after)[..3], ["v03", "v01", "v05"]);
        let varied = searches.search(&[0.0], "({ k: 3, diversity: 1 })").unwrap();
        assert_eq!(ids(&varied)[..2], ["v00", "v11"], "the farthest of four times as many");
        let little = "({ k: 3, effort: { scanned: 1, candidates: 1 } })";
        assert_eq!(ids(&searches.search(&[2.2], little).unwrap()).len(), 3);

        let many = searches.many(&[0.0, 19.0], "({ k: 2 })").unwrap();
        assert_eq!([ids(&at(&many, 0)), ids(&at(&many, 1))], [["v00", "v01"], ["v19", "v18"]]);
        assert_eq!(searches.many(&[], "({ k: 2 })").unwrap().length(), 0);
        let near = searches.within(&[5.0], 1.0).unwrap();
        assert_eq!(ids(&near), ["v05", "v04", "v06"]);
        let like = searches.like("v05", "({ k: 2 })").unwrap();
        assert_eq!(ids(&like), ["v04", "v06"]);
        let liked = searches.recommend(&["v04", "v06"], &["v07"], "({ k: 1 })").unwrap();
        assert_eq!(ids(&liked), ["v03"], "5 + (5 - 7)");

        let explained = searches.explain(&[2.2], "({ k: 3 })").unwrap();
        assert_eq!(ids(&at(&explained, 0)), ["v02", "v03", "v01"]);
        let how = explained.get(1);
        let plan = Reflect::get(&how, &"plan".into()).unwrap();
        assert_eq!([text(&plan, "kind"), text(&plan, "because")], ["exact", "few"]);
        assert_eq!([number(&how, "vectors"), number(&how, "compared")], [20.0, 20.0]);
        assert!(text(&how, "text").starts_with("exact, because"));
        let recall = searches.recall(7, 3);
        assert_eq!(["searches", "k", "recall"].map(|of| number(&recall, of)), [7.0, 3.0, 1.0]);
    }
}

#[wasm_bindgen_test]
fn a_search_that_makes_no_sense_is_refused() {
    for searches in Searched::all() {
        for options in [
            "({ k: -1 })",
            "({ k: 1.5 })",
            "({ k: 'x' })",
            "({ k: 1, exact: 1 })",
            "({ k: 1, filter: '{' })",
            "({ k: 1, effort: {} })",
            "({ k: 1, effort: { scanned: 1, candidates: -1 } })",
            "({ k: 1, after: { score: 1, id: 'a' } })",
            "({ k: 1, after: { score: NaN, id: 'a', seen: 0 } })",
            "({ k: 1, after: { score: 1, id: 7, seen: 0 } })",
            "({ k: 1, after: 'v01' })",
            "({ k: 1, diversity: 1.5 })",
            "({ k: 1, diversity: NaN })",
            "7",
        ] {
            for thrown in [
                searches.search(&[1.0], options).unwrap_err(),
                searches.many(&[1.0], options).unwrap_err(),
                searches.like("v01", options).unwrap_err(),
                searches.recommend(&["v01"], &[], options).unwrap_err(),
                searches.explain(&[1.0], options).unwrap_err(),
            ] {
                assert_eq!(code(&thrown), "invalid-input", "{options}");
            }
        }
        for query in [&[][..], &[1.0, 2.0], &[f32::NAN], &[f32::INFINITY]] {
            for thrown in [
                searches.search(query, "({ k: 1 })").unwrap_err(),
                searches.within(query, 1.0).unwrap_err(),
                searches.explain(query, "({ k: 1 })").unwrap_err(),
            ] {
                assert_eq!(code(&thrown), "invalid-input", "{query:?}");
            }
        }
        let invalid = [
            searches.many(&[1.0, f32::NAN], "({ k: 1 })").unwrap_err(),
            searches.within(&[1.0], f64::NAN).unwrap_err(),
            searches.recommend(&[], &["v01"], "({ k: 1 })").unwrap_err(),
        ];
        assert!(invalid.iter().all(|thrown| code(thrown) == "invalid-input"));
        let missing = [
            searches.like("absent", "({ k: 1 })").unwrap_err(),
            searches.recommend(&["v01", "absent"], &[], "({ k: 1 })").unwrap_err(),
            searches.recommend(&["v01"], &["absent"], "({ k: 1 })").unwrap_err(),
        ];
        assert!(missing.iter().all(|thrown| code(thrown) == "not-found"));
        // A cursor that no search gave is a place like any other.
        let forged = "({ k: 99, after: { score: -1e300, id: '', seen: 4294967295 } })";
        assert_eq!(ids(&searches.search(&[1.0], forged).unwrap()).len(), 20);
        let most = "({ k: 4294967295, effort: { scanned: 4294967295, candidates: 4294967295 } })";
        assert_eq!(ids(&searches.search(&[1.0], most).unwrap()).len(), 20);
    }
}

#[wasm_bindgen_test]
fn a_collection_is_held_in_the_precision_it_was_made_for() {
    let whole = collection("f32", "f32");
    let rounded = collection("f32", "int8");
    let bytes = |store: &WasmStore| store.vector_memory("line").unwrap();
    assert!(bytes(&rounded) > 0 && bytes(&whole) > 0);
    assert_eq!(code(&whole.vector_memory("other").unwrap_err()), "not-found");
    assert_eq!(code(&whole.check_recall("other", 1, 1).unwrap_err()), "not-found");
    for (precision, resident) in [("f64", "f32"), ("f32", "int4"), ("int8", "f32")] {
        let thrown = whole.create_collection("c", 1, "l2", precision, resident).unwrap_err();
        assert_eq!(code(&thrown), "invalid-input", "{precision} {resident}");
    }
    let thrown = whole.create_collection("line", 1, "l2", "f16", "f16").unwrap_err();
    assert_eq!(code(&thrown), "conflict");
    let index = index();
    assert_eq!(index.precision(), "f16");
    assert!(index.memory() > 0);
}

#[wasm_bindgen_test]
fn a_rowid_of_64_bits_is_a_bigint() {
    let store = memory();
    store.exec("CREATE TABLE t (a INTEGER PRIMARY KEY)", &JsValue::UNDEFINED).unwrap();
    store.exec("INSERT INTO t VALUES (?)", &eval("[2n ** 63n - 1n]")).unwrap();
    assert_eq!(store.last_insert_rowid(), i64::MAX);
    let values = BigInt::from(i64::MAX);
    assert!(store.table("SELECT 1 FROM t WHERE a = ?", &Array::of1(&values)).is_ok());
}

fn call(store: &WasmStore, method: &str, args: &str) -> Array {
    store.call(method, args).unwrap_or_else(|thrown| panic!("{method}: {thrown:?}")).unwrap()
}

#[wasm_bindgen_test]
fn typed_stores_are_called_by_name() {
    let store = memory();
    assert_eq!(code(&store.call("messages.count", "[]").unwrap_err()), "invalid-input");
    let opened = store.open_workspace(eval("{ dimensions: 2, metric: 'dot' }")).unwrap();
    let get = |name: &str| Reflect::get(&opened, &name.into()).unwrap();
    assert_eq!(get("id").as_string().as_deref(), Some("default"));
    assert_eq!(get("dimensions").as_f64(), Some(2.0));
    assert_eq!(code(&store.open_workspace(eval("{ id: 'other' }")).unwrap_err()), "conflict");
    assert_eq!(
        code(&store.open_workspace(eval("{ dimensions: 'two' }")).unwrap_err()),
        "invalid-input"
    );

    let message = r#"{"id": "m", "sessionId": "s", "role": "user", "content": "hi \ud83d\ude00",
        "createdAt": "2026-03-01T12:00:00Z"}"#;
    let stored = call(&store, "messages.append", &format!("[{message}]"));
    // Who stores a message has its content.
    let json = stored.get(0).as_string().unwrap();
    assert!(json.contains(r#""content":"""#) && json.contains("12:00:00.000000000Z"), "{json}");
    let found = call(&store, "messages.oldest", "[5]");
    assert_eq!(found.get(1).unchecked_into::<Array>().get(0), JsValue::from_str("hi \u{1f600}"));
    assert_eq!(found.get(2).unchecked_into::<Float64Array>().to_vec(), [5.0]);

    let batch = call(&store, "compaction.take", "[1]").get(0).as_string().unwrap();
    let committed = store.commit_batch(&batch, r#"["short", []]"#, vec![1.0, 2.0]).unwrap();
    assert!(committed.unwrap().get(0).as_string().unwrap().contains(r#""messages":1"#));
    let again = store.commit_batch(&batch, r#"["short", []]"#, vec![1.0, 2.0]).unwrap_err();
    assert_eq!(code(&again), "conflict");
    assert!(store.call("compaction.take", "[1]").unwrap().is_none());
    assert_eq!(call(&store, "messages.count", "[]").get(0), JsValue::from_str("0"));
}

#[wasm_bindgen_test]
fn calls_that_are_none_are_refused() {
    let store = memory();
    store.open_workspace(settings()).unwrap();
    store.open_gateway().unwrap();
    let methods =
        ["", "sessions", "sessions.", "sessions.create.x", "nothing.get", "gateway.close"];
    let parts = [
        "sessions",
        "messages",
        "summaries",
        "knowledge",
        "vectors",
        "compaction",
        "workspace",
        "users",
    ];
    let unknown = parts.map(|part| format!("{part}.other"));
    for method in methods.iter().copied().chain(unknown.iter().map(String::as_str)) {
        assert_eq!(code(&store.call(method, "[]").unwrap_err()), "invalid-input", "{method}");
    }
    for args in ["", "{}", "[", "[1]", "[\"a\", 1]", "[{\"limit\": \"x\"}]", "[\"\\ud800\"]"] {
        for method in ["sessions.get", "messages.search", "users.create", "audit.query"] {
            // A string is all that one of them takes.
            if let Err(thrown) = store.call(method, args) {
                let message = Reflect::get(&thrown, &"message".into()).unwrap();
                let message = message.as_string().unwrap();
                assert_eq!(code(&thrown), "invalid-input", "{method} {args}: {message}");
                assert!(!message.contains(" at line "), "{message}");
            } else {
                panic!("{method} took {args}");
            }
        }
    }
}
