//! Tables that change, and queries of them: FTS5 and a text index must find the same, and score
//! it alike.
//!
//! `tests/peers/tests/text_search.rs` makes this file one of its modules and asks the FTS5 that it
//! is built with, and so does `tests/integration/text_fts5.rs` with the one that is installed.
//! What the first one hears is recorded in `tests/fixtures/text/search.txt`, which the tests of
//! this crate are held to on every target.

use std::collections::BTreeSet;

const MULTILINGUAL: &str = include_str!("../../../../tests/fixtures/text/multilingual.txt");
const SYNSETS: &str = include_str!("../../../../native/sample/synsets.jsonl");

/// The seed of the table and of the queries that are recorded.
pub(crate) const RECORDED_SEED: u64 = 0x7365_6172_6368;

/// The weights of the columns that queries are tried with in turn; none is FTS5's default.
pub(crate) const WEIGHTS: [&[f64]; 4] = [&[], &[10.0, 1.0], &[0.25, 3.5], &[2.0, 0.0]];

/// SplitMix64 (Steele, Lea, Flood 2014), so that a failure can be repeated.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % (bound as u64).max(1)) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// The texts of a row.
pub(crate) type Row = [String; 2];

/// The sample's synsets and a text in many languages.
pub(crate) fn documents() -> Vec<Row> {
    let member = |json: &serde_json::Value, name: &str| json[name].as_str().unwrap().to_owned();
    let synsets = SYNSETS.lines().map(|line| {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        [member(&json, "words"), member(&json, "gloss")]
    });
    let multilingual = MULTILINGUAL.lines().map(|line| {
        let title: Vec<&str> = line.split_whitespace().take(3).collect();
        [title.join(" "), line.to_owned()]
    });
    synsets.chain(multilingual).collect()
}

/// Rows of few different words, so that all of a query is often in the same one.
pub(crate) fn random_documents(count: usize, random: &mut Random) -> Vec<Row> {
    const WORDS: [&str; 16] = [
        "red", "blue", "green", "bluish", "redder", "a", "b", "c", "grey", "of", "rare", "ab",
        "abc", "x", "y", "seldom",
    ];
    let text = |random: &mut Random, most: usize| {
        let words = (0..random.below(most)).map(|_| {
            let at = random.below(WORDS.len()).min(random.below(WORDS.len()));
            WORDS[at]
        });
        words.collect::<Vec<_>>().join(" ")
    };
    (0..count).map(|_| [text(random, 4), text(random, 24)]).collect()
}

/// What a transaction does to a table.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Inserts the row, or replaces it.
    Put(i64, Row),
    Delete(i64),
}

/// Transactions that write all documents as rows, not all of which stay as they were or at all.
pub(crate) fn history(documents: &[Row], random: &mut Random) -> Vec<Vec<Change>> {
    let (mut transactions, mut changes, mut keys) = (Vec::new(), Vec::new(), Vec::<i64>::new());
    let mut key = 0;
    for document in documents {
        key += 1 + i64::from(random.one_in(9)) * 3;
        keys.push(key);
        changes.push(Change::Put(key, document.clone()));
        if random.one_in(6) {
            let replaced = keys[random.below(keys.len())];
            changes.push(Change::Put(replaced, documents[random.below(documents.len())].clone()));
        }
        if random.one_in(7) {
            let gone = keys.swap_remove(random.below(keys.len()));
            changes.push(Change::Delete(gone));
        }
        if random.one_in(120) {
            transactions.push(std::mem::take(&mut changes));
        }
    }
    transactions.push(changes);
    transactions
}

/// A query, and where FTS5 may score it with something else than what matches.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) text: String,
    pub(crate) doubts: Vec<Doubt>,
}

/// Why `bm25()` may count what does not match, or not count what does.
///
/// It counts the positions of each phrase whose node of the query stands on the row
/// (`sqlite3Fts5ExprPoslist`), and does not ask whether the nodes above match there. So they have
/// to be empty where they are not to count, and mostly are. A text index counts what matches, and
/// that alone.
#[derive(Debug)]
pub(crate) enum Doubt {
    /// The phrases of a NEAR are looked at in turn up to the first that is missing
    /// (`fts5ExprNearTest`): those before it keep the positions they have in this row, and those
    /// behind it the ones of a row before. An AND above empties them (`fts5ExprNodeZeroPoslist`),
    /// an OR does not, nor the right side of a NOT. So it is in rows that have all its words, in
    /// whatever column, and not the NEAR.
    Near { words: String, near: String },
    /// Where an AND below something else finds all its nodes on a row on which one of them does
    /// not match (`fts5ExprNodeTest_AND`), it empties the positions of all phrases below, also of
    /// those below an OR that stand on a later row already; there they are missed.
    Emptied { or: String },
    /// A NOT whose left side has no row is at its end before it was tested once
    /// (`fts5ExprNodeFirst`), so that its right side is left standing where it was, with positions.
    Left { left: String, right: String },
}

impl Doubt {
    /// The rows that it is about, when `rows` gives those of a query.
    pub(crate) fn rows(&self, rows: &dyn Fn(&str) -> BTreeSet<i64>) -> BTreeSet<i64> {
        match self {
            Doubt::Near { words, near } => &rows(words) - &rows(near),
            Doubt::Emptied { or } => rows(or),
            Doubt::Left { left, right } if rows(left).is_empty() => rows(right),
            Doubt::Left { .. } => BTreeSet::new(),
        }
    }
}

/// A word of a phrase, and whether it is only the beginning of one.
type Word = (String, bool);

#[derive(Debug)]
enum Node {
    Phrase { text: String, prefix: bool, initial: bool },
    Near { phrases: Vec<Vec<Word>>, distance: usize },
    Several(&'static str, Vec<Node>),
    Columns(&'static str, Box<Node>),
}

/// Makes up queries of words that stand in some documents.
#[derive(Debug)]
pub(crate) struct Queries<'a> {
    pub(crate) random: Random,
    documents: &'a [Row],
    has_columns: bool,
    /// The document that words are taken from for a while, so that some have all of them.
    document: usize,
}

impl<'a> Queries<'a> {
    /// Of the columns `a` and `b`, or without naming any.
    pub(crate) fn new(documents: &'a [Row], has_columns: bool, seed: u64) -> Queries<'a> {
        Queries { random: Random(seed), documents, has_columns, document: 0 }
    }

    pub(crate) fn next(&mut self) -> Query {
        let depth = self.random.below(4);
        let node = self.node(depth);
        let mut doubts = Doubts::default();
        doubts.collect(&node, Above { is_root: true, ..Above::default() }, &|query| query);
        Query { text: shown(&node), doubts: doubts.0 }
    }

    fn node(&mut self, depth: usize) -> Node {
        if depth == 0 {
            return self.leaf();
        }
        let operator = ["AND", "AND", "OR", "OR", "NOT", ""][self.random.below(6)];
        let count = if operator == "NOT" { 2 } else { 2 + self.random.below(2) };
        let nodes = (0..count).map(|_| {
            // What stands side by side is phrases only.
            let depth = if operator.is_empty() { 0 } else { depth - 1 };
            self.node(depth)
        });
        let node = Node::Several(operator, nodes.collect());
        if self.has_columns && self.random.one_in(6) {
            return Node::Columns(self.columns(), Box::new(node));
        }
        node
    }

    fn columns(&mut self) -> &'static str {
        ["a", "b", "-a", "{a b}", "-{b}"][self.random.below(5)]
    }

    /// Some words that follow each other in a document.
    fn words(&mut self, count: usize) -> Vec<&'a str> {
        let documents = self.documents;
        if self.random.one_in(6) {
            self.document = self.random.below(documents.len());
        }
        let row = &documents[self.document];
        let text = &row[usize::from(!self.random.one_in(4))];
        let words: Vec<&str> = text.split_whitespace().collect();
        let start = self.random.below((words.len() + 1).saturating_sub(count));
        words.into_iter().skip(start).take(count).collect()
    }

    fn leaf(&mut self) -> Node {
        let node = match self.random.below(10) {
            0..=4 => self.phrase(1),
            5..=7 => self.phrase(2),
            _ => self.near(),
        };
        if self.has_columns && self.random.one_in(7) {
            return Node::Columns(self.columns(), Box::new(node));
        }
        node
    }

    fn phrase(&mut self, least: usize) -> Node {
        let count = least + usize::from(self.random.one_in(4));
        let mut text = self.words(count).join(" ");
        let prefix = self.random.one_in(4);
        if prefix {
            let cut = self.random.below(4);
            let kept = text.chars().count().saturating_sub(cut).max(1);
            text = text.chars().take(kept).collect();
        }
        Node::Phrase { text, prefix, initial: self.random.one_in(8) }
    }

    fn near(&mut self) -> Node {
        // Of words that FTS5 takes for one each.
        let is_word = |word: &&str| word.chars().all(|c| c.is_alphanumeric() && c < '\u{600}');
        let count = 3 + self.random.below(6);
        let mut words: Vec<&str> = self.words(count).into_iter().filter(is_word).collect();
        if self.random.one_in(3) {
            words.reverse();
        }
        let mut phrases = Vec::new();
        while !words.is_empty() && phrases.len() < 3 {
            let count = (1 + usize::from(self.random.one_in(4))).min(words.len());
            let mut phrase: Vec<Word> =
                words.drain(..count).map(|word| (word.to_owned(), false)).collect();
            if let Some((word, prefix)) = phrase.last_mut()
                && self.random.one_in(6)
            {
                *word = word.chars().take(2).collect();
                *prefix = true;
            }
            phrases.push(phrase);
            // Some words in between.
            words.drain(..self.random.below(3).min(words.len()));
        }
        if phrases.is_empty() {
            phrases.push(vec![("of".to_owned(), false)]);
        }
        Node::Near { phrases, distance: self.random.below(12) }
    }
}

fn quoted(text: &str, prefix: bool) -> String {
    format!("\"{}\"{}", text.replace('"', "\"\""), if prefix { "*" } else { "" })
}

fn shown(node: &Node) -> String {
    match node {
        Node::Phrase { text, prefix, initial } => {
            let is_bare = text.chars().all(|c| c.is_ascii_lowercase()) && !text.is_empty();
            let text = match is_bare {
                true => format!("{text}{}", if *prefix { "*" } else { "" }),
                false => quoted(text, *prefix),
            };
            format!("{}{text}", if *initial { "^" } else { "" })
        }
        Node::Near { phrases, distance } => {
            let phrases = phrases.iter().map(|words| {
                let text: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
                quoted(&text.join(" "), words.last().is_some_and(|(_, prefix)| *prefix))
            });
            format!("NEAR({}, {distance})", phrases.collect::<Vec<_>>().join(" "))
        }
        Node::Several("", nodes) => nodes.iter().map(shown).collect::<Vec<_>>().join(" "),
        Node::Several(operator, nodes) => {
            let nodes: Vec<String> =
                nodes.iter().map(|node| format!("({})", shown(node))).collect();
            nodes.join(&format!(" {operator} "))
        }
        // In parentheses nothing may stand beside it.
        Node::Columns(columns, node) => match **node {
            Node::Phrase { .. } | Node::Near { .. } => format!("{columns} : {}", shown(node)),
            _ => format!("{columns} : ({})", shown(node)),
        },
    }
}

/// What is above a node of a query.
#[derive(Debug, Clone, Copy, Default)]
struct Above {
    /// Nothing, or AND alone, which FTS5 makes one node of.
    is_root: bool,
    /// An OR, or a NOT that it is on the right of.
    is_loose: bool,
    /// An AND that is not the root and may stand where it does not match.
    is_emptied: bool,
}

#[derive(Debug, Default)]
struct Doubts(Vec<Doubt>);

impl Doubts {
    /// `wrap` restricts a query to the columns that the node is for.
    fn collect(&mut self, node: &Node, above: Above, wrap: &dyn Fn(String) -> String) {
        match node {
            Node::Near { phrases, .. } if above.is_loose && phrases.len() > 1 => {
                let words = phrases.iter().flatten().map(|(word, prefix)| quoted(word, *prefix));
                let words = words.collect::<Vec<_>>().join(" AND ");
                self.0.push(Doubt::Near { words, near: wrap(shown(node)) });
            }
            Node::Phrase { .. } | Node::Near { .. } => {}
            Node::Several("OR", nodes) => {
                if above.is_emptied {
                    self.0.push(Doubt::Emptied { or: wrap(shown(node)) });
                }
                let above = Above { is_root: false, is_loose: true, ..above };
                nodes.iter().for_each(|node| self.collect(node, above, wrap));
            }
            Node::Several("NOT", nodes) => {
                let above = Above { is_root: false, ..above };
                self.collect(&nodes[0], above, wrap);
                if above.is_loose {
                    let right = wrap(phrases(&nodes[1]).join(" OR "));
                    self.0.push(Doubt::Left { left: wrap(shown(&nodes[0])), right });
                }
                self.collect(&nodes[1], Above { is_loose: true, ..above }, wrap);
            }
            Node::Several(_, nodes) => {
                let is_emptied = !above.is_root && nodes.iter().any(may_miss);
                let above = Above { is_emptied: above.is_emptied || is_emptied, ..above };
                nodes.iter().for_each(|node| self.collect(node, above, wrap));
            }
            Node::Columns(columns, node) => {
                let wrap = |query| wrap(format!("{columns} : ({query})"));
                self.collect(node, above, &wrap);
            }
        }
    }
}

/// Whether a node may stand on a row that it does not match: if there is more to it than a word.
fn may_miss(node: &Node) -> bool {
    match node {
        Node::Phrase { text, initial, .. } => {
            *initial || !text.chars().all(|c| c.is_ascii_alphanumeric())
        }
        Node::Near { .. } | Node::Columns(..) => true,
        Node::Several(_, nodes) => nodes.iter().any(may_miss),
    }
}

/// All phrases of a node.
fn phrases(node: &Node) -> Vec<String> {
    match node {
        Node::Phrase { .. } => vec![shown(node)],
        Node::Near { phrases, .. } => {
            phrases.iter().flatten().map(|(word, prefix)| quoted(word, *prefix)).collect()
        }
        Node::Several(_, nodes) => nodes.iter().flat_map(phrases).collect(),
        Node::Columns(_, node) => phrases(node),
    }
}

/// A row, and how it is scored.
pub(crate) type Hit = (i64, f64);

/// Whether two scores are the same, up to how their sums were rounded.
pub(crate) fn is_same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs().max(1.0)
}

/// FNV-1a of row numbers.
pub(crate) fn sum(keys: impl IntoIterator<Item = i64>) -> u64 {
    let bytes = keys.into_iter().flat_map(i64::to_le_bytes);
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// How many of the best hits are recorded.
pub(crate) const BEST: usize = 10;

/// A line of the recording: the query, the number of its weights, how many rows it finds and a
/// checksum of their numbers, and the best with their scores.
pub(crate) fn answer(query: &str, weights: usize, hits: &[Hit]) -> String {
    let mut best = hits.to_vec();
    best.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
    best.truncate(BEST);
    let best: Vec<String> = best.iter().map(|(key, score)| format!("{key}:{score:.9}")).collect();
    let sum = sum(hits.iter().map(|(key, _)| *key));
    format!("{query}\t{weights}\t{}\t{sum:016x}\t{}", hits.len(), best.join(" "))
}
