//! Searches of a workspace by words and by nearness, against what its parts give one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use sigil_core::{
    ErrorKind, Fact, Filter, FixedHost, Fusion, MemoryHit, MemoryRecord, MemorySearch,
    MemorySource, MemoryVector, MemoryWeights, Message, Metadata, Metric, Recency, Role, Shared,
    SqlWorkspace, Summary, SummaryStatus, TextQuery, TimeRange, Timestamp, Workspace,
    WorkspaceOptions,
};
use sigil_tests::random::Random;
use sigil_tests::scratch::Scratch;

const WORDS: [&str; 8] = ["tea", "coffee", "rain", "milk", "green", "black", "morning", "night"];
const SESSIONS: [&str; 3] = ["s0", "s1", "s2"];
const ROLES: [Role; 2] = [Role::User, Role::Assistant];

fn at(seconds: usize) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap();
    Timestamp::from_unix_ms(1_767_225_600_000 + seconds * 1_000).unwrap()
}

/// What a workspace was filled with.
#[derive(Debug, Default)]
struct Filled {
    records: BTreeMap<String, MemoryRecord>,
    vectors: BTreeMap<String, (Vec<f32>, Value)>,
}

fn open(scratch: &Scratch) -> Workspace {
    let options = WorkspaceOptions { dimensions: 3, metric: Metric::L2 };
    let shared = Shared::new(sigil_native::open(scratch.path()).unwrap());
    Workspace::new(Box::new(
        SqlWorkspace::open(shared, Arc::new(FixedHost::new(0)), "home", options).unwrap(),
    ))
}

fn in_memory() -> Workspace {
    Workspace::in_memory("home").unwrap()
}

fn message(id: &str, session: &str, role: Role, content: &str, seconds: usize) -> Message {
    Message::new(id.to_owned(), session, role, content, at(seconds))
}

fn text(random: &mut Random) -> String {
    let n = 1 + random.below(6);
    (0..n).map(|_| WORDS[random.below(WORDS.len())]).collect::<Vec<_>>().join(" ")
}

fn summary(id: &str, content: String, session: &str, seconds: usize) -> Summary {
    Summary {
        id: id.to_owned(),
        from_time: at(0),
        to_time: at(seconds),
        content,
        message_ids: Vec::new(),
        session_ids: vec![session.to_owned()],
        status: SummaryStatus::Committed,
        created_at: at(seconds),
    }
}

fn fact(id: &str, value: String, source: &str, seconds: usize) -> Fact {
    Fact {
        id: id.to_owned(),
        entity_id: id.to_owned(),
        predicate: "says".to_owned(),
        value,
        confidence: 1.0,
        source: source.to_owned(),
        created_at: at(seconds),
    }
}

#[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
fn vector(random: &mut Random) -> Vec<f32> {
    (0..3).map(|_| random.below(2_001) as f32 / 1_000.0 - 1.0).collect()
}

/// Fills a workspace with records of every source, of which some have vectors.
fn fill(workspace: &Workspace, random: &mut Random) -> Filled {
    let mut filled = Filled::default();
    for n in 0..60 {
        let session = SESSIONS[random.below(3)];
        let words = text(random);
        let record = match random.below(6) {
            0 => {
                let record = summary(&format!("sum{n}"), words, session, n);
                workspace.summaries().store(&record).unwrap();
                MemoryRecord::Summary(record)
            }
            1 => {
                let record = fact(&format!("fact{n}"), words, session, n);
                workspace.knowledge().put_facts(std::slice::from_ref(&record)).unwrap();
                MemoryRecord::Fact(record)
            }
            _ => {
                let role = ROLES[random.below(2)];
                let mut record = message(&format!("m{n}"), session, role, &words, n);
                record.metadata.insert("lang".to_owned(), ["en", "de"][n % 2].to_owned());
                workspace.messages().append(&record).unwrap();
                MemoryRecord::Message(record)
            }
        };
        if random.below(2) == 0 {
            let metadata = match &record {
                MemoryRecord::Message(message) => json!({"lang": message.metadata["lang"]}),
                _ => json!({}),
            };
            store(workspace, &mut filled, record.id(), vector(random), metadata);
        }
        filled.records.insert(record.id().to_owned(), record);
    }
    for n in 0..10 {
        let metadata = json!({"session_id": SESSIONS[n % 3], "lang": (["en", "de"][n % 2])});
        store(workspace, &mut filled, &format!("v{n}"), vector(random), metadata);
    }
    filled
}

fn store(workspace: &Workspace, to: &mut Filled, id: &str, vector: Vec<f32>, metadata: Value) {
    let stored = Metadata::from_value(&metadata).unwrap();
    workspace.vectors().store(id, &vector, &stored).unwrap();
    to.vectors.insert(id.to_owned(), (vector, metadata));
}

fn words_of(record: &MemoryRecord) -> BTreeSet<String> {
    let text = match record {
        MemoryRecord::Message(message) => message.content.clone(),
        MemoryRecord::Summary(summary) => summary.content.clone(),
        MemoryRecord::Fact(fact) => format!("{} {} {}", fact.entity_id, fact.predicate, fact.value),
        _ => String::new(),
    };
    text.split(' ').map(str::to_owned).collect()
}

fn source_of(record: &MemoryRecord) -> MemorySource {
    match record {
        MemoryRecord::Message(_) => MemorySource::Messages,
        MemoryRecord::Summary(_) => MemorySource::Summaries,
        MemoryRecord::Fact(_) => MemorySource::Facts,
        _ => MemorySource::Vectors,
    }
}

/// Whether a record is of the session, the role, the time and the sources that are wanted.
fn belongs(record: &MemoryRecord, metadata: Option<&Value>, wanted: &MemorySearch) -> bool {
    let session = wanted.session.as_ref().is_none_or(|session| match record {
        MemoryRecord::Message(message) => message.session_id == *session,
        MemoryRecord::Summary(summary) => summary.session_ids.contains(session),
        MemoryRecord::Fact(fact) => fact.source == *session,
        _ => metadata.is_some_and(|metadata| metadata["session_id"] == **session),
    });
    let role = wanted.role.is_none_or(
        |role| matches!(record, MemoryRecord::Message(message) if message.role == role),
    );
    let TimeRange { from, to } = wanted.time;
    let time = match record.time() {
        Some(time) => from.is_none_or(|from| time >= from) && to.is_none_or(|to| time < to),
        None => from.is_none() && to.is_none(),
    };
    let source = wanted.sources.is_empty() || wanted.sources.contains(&source_of(record));
    session && role && time && source
}

/// What a search must find and how, when everything is a candidate and no two are equally near.
fn expected(
    filled: &Filled,
    wanted: &MemorySearch,
    word: Option<&str>,
    lang: Option<&str>,
) -> Model {
    let by_words = |record: &&MemoryRecord| {
        let speaks = lang.is_none_or(|lang| {
            matches!(record, MemoryRecord::Message(message) if message.metadata["lang"] == lang)
        });
        word.is_some_and(|word| words_of(record).contains(word))
            && speaks
            && belongs(record, None, wanted)
    };
    let texts = filled.records.values().filter(by_words).map(|record| record.id().to_owned());
    let mut near: Vec<(f64, String)> = Vec::new();
    if let Some(query) = &wanted.vector {
        for (id, (vector, metadata)) in &filled.vectors {
            let own = MemoryRecord::Vector(MemoryVector {
                id: id.clone(),
                metadata: Metadata::from_value(metadata).unwrap(),
            });
            let record = filled.records.get(id).unwrap_or(&own);
            let speaks = lang.is_none_or(|lang| metadata["lang"] == lang);
            if speaks && belongs(record, Some(metadata), wanted) {
                let sum: f64 =
                    query.iter().zip(vector).map(|(a, b)| f64::from(a - b).powi(2)).sum();
                near.push((sum.sqrt(), id.clone()));
            }
        }
    }
    near.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    Model { texts: texts.collect(), near }
}

#[derive(Debug)]
struct Model {
    texts: BTreeSet<String>,
    near: Vec<(f64, String)>,
}

fn ids(hits: &[MemoryHit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.record.id()).collect()
}

fn by_words(text: &str, k: usize) -> MemorySearch {
    let mut search = MemorySearch::new(k);
    search.text = Some(TextQuery::typed(text));
    search
}

fn by_nearness(vector: [f32; 3], k: usize) -> MemorySearch {
    let mut search = MemorySearch::new(k);
    search.vector = Some(vector.to_vec());
    search
}

/// Searches at random, with the word and the language that the model has to know.
fn random_search(
    random: &mut Random,
) -> (MemorySearch, Option<&'static str>, Option<&'static str>) {
    let mut search = MemorySearch::new([0, 1, 3, 10, 1_000][random.below(5)]);
    search.candidates = Some(1_000);
    let way = random.below(3);
    let word = (way != 0).then(|| WORDS[random.below(WORDS.len())]);
    search.text = word.map(TextQuery::typed);
    search.vector = (way != 1).then(|| vector(random));
    search.session = (random.below(3) == 0).then(|| SESSIONS[random.below(3)].to_owned());
    search.role = (random.below(4) == 0).then(|| ROLES[random.below(2)]);
    search.time.from = (random.below(4) == 0).then(|| at(random.below(60)));
    search.time.to = (random.below(4) == 0).then(|| at(random.below(60)));
    let lang = (random.below(4) == 0).then(|| ["en", "de"][random.below(2)]);
    search.filter =
        lang.map(|lang| Filter::from_json(&format!(r#"{{"lang": "{lang}"}}"#)).unwrap());
    let all = [
        MemorySource::Messages,
        MemorySource::Summaries,
        MemorySource::Facts,
        MemorySource::Vectors,
    ];
    search.sources = all.into_iter().filter(|_| random.below(3) == 0).collect();
    search.weights = MemoryWeights {
        text: [0.0, 1.0, 2.5][random.below(3)],
        vector: [0.0, 1.0, 0.5][random.below(3)],
    };
    if random.below(2) == 0 {
        search.fusion = Fusion::Scores;
    }
    (search, word, lang)
}

/// Holds hits to the model, and their scores to their components.
fn check(hits: &[MemoryHit], model: &Model, filled: &Filled, wanted: &MemorySearch, at: &str) {
    let all: BTreeSet<&str> = model
        .texts
        .iter()
        .map(String::as_str)
        .chain(model.near.iter().map(|(_, id)| id.as_str()))
        .collect();
    assert_eq!(hits.len(), wanted.k.min(all.len()), "{at}");
    let found: BTreeSet<&str> = ids(hits).into_iter().collect();
    assert_eq!(found.len(), hits.len(), "{at}: found twice");
    assert!(found.is_subset(&all), "{at}");
    assert!(hits.is_sorted_by(|a, b| a.score >= b.score), "{at}");
    for hit in hits {
        let id = hit.record.id();
        match filled.records.get(id) {
            Some(record) => assert_eq!(hit.record, *record, "{at}"),
            None => assert!(matches!(hit.record, MemoryRecord::Vector(_)), "{at}"),
        }
        assert_eq!(hit.text.is_some(), model.texts.contains(id), "{at}: {id}");
        let place = model.near.iter().position(|(_, near)| near == id);
        assert_eq!(hit.vector.map(|found| found.rank), place.map(|n| n + 1), "{at}: {id}");
        if let (Some(found), Some(n)) = (hit.vector, place) {
            assert!((found.distance - model.near[n].0).abs() < 1e-5, "{at}: {id}");
        }
    }
    if wanted.fusion == Fusion::default() {
        for hit in hits {
            let part = |weight: f64, rank: Option<usize>| {
                rank.map_or(0.0, |rank| {
                    weight / (60.0 + u32::try_from(rank).map_or(0.0, f64::from))
                })
            };
            let score = part(wanted.weights.text, hit.text.map(|found| found.rank))
                + part(wanted.weights.vector, hit.vector.map(|found| found.rank));
            assert!((hit.score - score).abs() < 1e-12, "{at}: {hit:?}");
        }
    } else {
        assert!(hits.iter().all(|hit| (0.0..=1.0).contains(&hit.score)), "{at}");
    }
}

#[test]
fn a_search_finds_what_looking_at_every_record_finds() {
    let first = std::env::var("SIGIL_MODEL_SEED").ok().and_then(|text| text.parse().ok());
    let seeds = first.map_or(1..9, |seed: u64| seed..seed + 1);
    let mut both = 0;
    for seed in seeds {
        let mut random = Random::new(seed);
        let workspace = in_memory();
        let filled = fill(&workspace, &mut random);
        for step in 0..60 {
            let at = format!("SIGIL_MODEL_SEED={seed}, step {step}");
            let (wanted, word, lang) = random_search(&mut random);
            let hits = workspace.search(&wanted).unwrap();
            let model = expected(&filled, &wanted, word, lang);
            check(&hits, &model, &filled, &wanted, &format!("{at}: {wanted:?}"));
            both += usize::from(hits.iter().any(|hit| hit.text.is_some() && hit.vector.is_some()));
        }
    }
    assert!(first.is_some() || both > 20, "{both} searches found anything by both");
}

#[test]
fn the_same_is_found_after_reopening_and_inside_a_transaction() {
    let scratch = Scratch::new("hybrid");
    let mut random = Random::new(77);
    let workspace = open(&scratch);
    fill(&workspace, &mut random);
    let searches: Vec<MemorySearch> = (0..40).map(|_| random_search(&mut random).0).collect();
    let search = |workspace: &Workspace| -> Vec<Vec<MemoryHit>> {
        searches.iter().map(|wanted| workspace.search(wanted).unwrap()).collect()
    };
    let before = search(&workspace);
    assert!(before.iter().filter(|hits| !hits.is_empty()).count() > 10);
    let inside = workspace.transaction(|workspace| Ok(search(workspace))).unwrap();
    assert_eq!(inside, before);
    workspace.close().unwrap();
    let workspace = open(&scratch);
    assert_eq!(search(&workspace), before);

    let found = workspace.transaction(|workspace| {
        let said = message("new", "s0", Role::User, "matcha", 100);
        workspace.messages().append(&said)?;
        let hits = workspace.search(&by_words("matcha", 5))?;
        assert_eq!(ids(&hits), ["new"]);
        Err::<(), _>(sigil_core::Error::invalid("rolled back"))
    });
    assert_eq!(found.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(workspace.search(&by_words("matcha", 5)).unwrap().is_empty());
    workspace.close().unwrap();
}

/// Five messages of one session, one of another between them, each a minute after the last.
fn talk() -> Workspace {
    let workspace = in_memory();
    let said = ["green tea", "black tea", "coffee with milk", "Green, tea!", "rain", "more rain"];
    for (n, content) in said.into_iter().enumerate() {
        let session = if n == 2 { "other" } else { "s" };
        let said = message(&format!("m{n}"), session, Role::User, content, n * 60);
        workspace.messages().append(&said).unwrap();
    }
    let none = Metadata::new();
    for (id, vector) in [("m0", [1.0, 0.0, 0.0]), ("m1", [0.9, 0.1, 0.0]), ("m4", [0.0, 1.0, 0.0])]
    {
        workspace.vectors().store(id, &vector, &none).unwrap();
    }
    workspace
}

#[test]
fn weights_of_nothing_leave_the_order_to_the_other() {
    let workspace = talk();
    for fusion in [Fusion::default(), Fusion::Scores] {
        let mut search = by_words("coffee", 10);
        search.vector = Some(vec![0.0, 1.0, 0.0]);
        search.fusion = fusion;
        search.weights = MemoryWeights { text: 1.0, vector: 0.0 };
        assert_eq!(ids(&workspace.search(&search).unwrap())[0], "m2", "{fusion:?}");
        search.weights = MemoryWeights { text: 0.0, vector: 1.0 };
        assert_eq!(ids(&workspace.search(&search).unwrap())[..2], ["m4", "m1"], "{fusion:?}");
    }
}

#[test]
fn newer_records_come_first_when_age_counts() {
    let workspace = talk();
    let mut search = by_words("tea", 10);
    let recency = |half_life_ms, weight| Some(Recency { now: at(180), half_life_ms, weight });
    search.recency = recency(60_000, 1.0);
    let hits = workspace.search(&search).unwrap();
    assert_eq!(ids(&hits), ["m3", "m1", "m0"]);
    let factors: Vec<f64> = hits.iter().filter_map(|hit| hit.recency).collect();
    assert_eq!(factors, [1.0, 0.25, 0.125]);
    // A vector without a record has no age.
    workspace.vectors().store("own", &[1.0, 0.0, 0.0], &Metadata::new()).unwrap();
    let mut near = by_nearness([1.0, 0.0, 0.0], 1);
    near.recency = recency(1, 1.0);
    let hits = workspace.search(&near).unwrap();
    assert_eq!((ids(&hits), hits[0].recency), (vec!["own"], Some(1.0)));
    search.recency = recency(0, 1.0);
    assert_eq!(workspace.search(&search).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_message_comes_with_its_neighbours_of_the_session() {
    let workspace = talk();
    let window = |text: &str, window| {
        let mut search = by_words(text, 1);
        search.window = window;
        let hits = workspace.search(&search).unwrap();
        let of = |messages: &[Message]| -> Vec<String> {
            messages.iter().map(|message| message.id.clone()).collect()
        };
        (of(&hits[0].before), of(&hits[0].after))
    };
    assert_eq!(window("black", 0), (vec![], vec![]));
    assert_eq!(window("black", 1), (vec!["m0".into()], vec!["m3".into()]));
    let whole = (vec!["m0".into()], vec!["m3".into(), "m4".into(), "m5".into()]);
    assert_eq!(window("black", usize::MAX), whole);
    assert_eq!(window("coffee", 9), (vec![], vec![]));
}

#[test]
fn the_same_words_are_found_once_when_that_is_wanted() {
    let workspace = talk();
    let mut search = by_words("green tea", 10);
    assert_eq!(workspace.search(&search).unwrap().len(), 2);
    search.distinct = true;
    assert_eq!(workspace.search(&search).unwrap().len(), 1);
}

#[test]
fn results_differ_when_that_is_wanted() {
    let workspace = talk();
    let mut search = by_nearness([1.0, 0.0, 0.0], 2);
    assert_eq!(ids(&workspace.search(&search).unwrap()), ["m0", "m1"]);
    search.diversity = Some(0.0);
    assert_eq!(ids(&workspace.search(&search).unwrap()), ["m0", "m1"]);
    search.diversity = Some(1.0);
    assert_eq!(ids(&workspace.search(&search).unwrap()), ["m0", "m4"]);
    search.diversity = Some(f64::NAN);
    assert_eq!(workspace.search(&search).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn no_results_and_more_than_there_are_can_be_asked_for() {
    let workspace = talk();
    let mut search = by_words("tea", 0);
    search.vector = Some(vec![1.0, 0.0, 0.0]);
    for candidates in [None, Some(0), Some(1)] {
        search.candidates = candidates;
        assert!(workspace.search(&search).unwrap().is_empty(), "{candidates:?}");
    }
    search.candidates = None;
    search.k = usize::MAX;
    assert_eq!(workspace.search(&search).unwrap().len(), 4);
}

#[test]
fn searches_that_cannot_be_are_refused() {
    let workspace = talk();
    let wrong = |change: &dyn Fn(&mut MemorySearch)| {
        let mut search = by_words("tea", 3);
        change(&mut search);
        let error = workspace.search(&search).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    };
    wrong(&|search| search.text = None);
    wrong(&|search| search.vector = Some(vec![1.0]));
    wrong(&|search| search.vector = Some(vec![1.0, f32::NAN, 0.0]));
    wrong(&|search| search.weights.text = f64::NAN);
    wrong(&|search| search.weights.vector = -1.0);
    wrong(&|search| search.fusion = Fusion::ReciprocalRank { k: f64::INFINITY });
    wrong(&|search| search.typos = 3);
    wrong(&|search| search.diversity = Some(1.1));
}
