//! SQLite's FTS5 through rusqlite, as a competent developer would set it up.
//!
//! An external content table with triggers, the tokenizer unicode61, prepared statements, and the
//! settings of `sigil_peers::sqlite`. The file has a directory of its own.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior, params};
use sigil_peers::{Result, sqlite};

use crate::contender::{Size, TextContender};
use crate::input::{Doc, Kind, Query};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS docs (
      seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, tag INTEGER NOT NULL, text TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS docs_by_tag ON docs (tag);
    CREATE VIRTUAL TABLE IF NOT EXISTS docs_text USING fts5(
      text, content='docs', content_rowid='seq', tokenize='unicode61');
    CREATE TRIGGER IF NOT EXISTS docs_added AFTER INSERT ON docs BEGIN
      INSERT INTO docs_text (rowid, text) VALUES (new.seq, new.text);
    END;
    CREATE TRIGGER IF NOT EXISTS docs_removed AFTER DELETE ON docs BEGIN
      INSERT INTO docs_text (docs_text, rowid, text) VALUES ('delete', old.seq, old.text);
    END;
    CREATE TRIGGER IF NOT EXISTS docs_changed AFTER UPDATE ON docs BEGIN
      INSERT INTO docs_text (docs_text, rowid, text) VALUES ('delete', old.seq, old.text);
      INSERT INTO docs_text (rowid, text) VALUES (new.seq, new.text);
    END;";

// Ordering by bm25() keeps only the best as it goes and takes half the time of ORDER BY rank, which
// sorts all hits. The best are found before their keys are fetched.
const SEARCH: &str = "
    SELECT d.key, t.score FROM
      (SELECT rowid AS seq, bm25(docs_text) AS score FROM docs_text
       WHERE docs_text MATCH ?1 ORDER BY score LIMIT ?2) t
    JOIN docs d ON d.seq = t.seq ORDER BY t.score";

// CROSS JOIN keeps SQLite from asking the index anew for each document of the tag.
const SEARCH_FILTERED: &str = "
    SELECT d.key, bm25(docs_text) AS score FROM docs_text t CROSS JOIN docs d ON d.seq = t.rowid
    WHERE docs_text MATCH ?1 AND d.tag = ?3 ORDER BY score LIMIT ?2";

#[derive(Debug)]
struct Fts5 {
    connection: Connection,
    path: PathBuf,
}

/// Opens or creates an index in a directory.
pub(crate) fn open(directory: &Path) -> Result<Box<dyn TextContender>> {
    std::fs::create_dir_all(directory)?;
    let path = directory.join("fts5.db");
    let connection = sqlite::open(&path)?;
    connection.execute_batch(SCHEMA)?;
    Ok(Box::new(Fts5 { connection, path }))
}

impl Fts5 {
    fn insert(connection: &Connection, doc: &Doc) -> Result<()> {
        let mut insert =
            connection.prepare_cached("INSERT INTO docs (key, tag, text) VALUES (?1, ?2, ?3)")?;
        insert.execute(params![doc.key, doc.tag, doc.text])?;
        Ok(())
    }
}

impl TextContender for Fts5 {
    fn index(&mut self, docs: &[Doc]) -> Result<()> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        docs.iter().try_for_each(|doc| Fts5::insert(&transaction, doc))?;
        Ok(transaction.commit()?)
    }

    fn append_one(&mut self, doc: &Doc) -> Result<()> {
        Fts5::insert(&self.connection, doc)
    }

    fn settle(&mut self) -> Result<()> {
        sqlite::checkpoint(&self.connection)
    }

    fn size_bytes(&mut self) -> Result<Size> {
        // What FTS5 keeps beside the documents: docs_text_data, _idx, _docsize and _config.
        let index: i64 = self.connection.query_row(
            "SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'docs_text%'",
            [],
            |row| row.get(0),
        )?;
        Ok(Size { index: index.unsigned_abs(), all: std::fs::metadata(&self.path)?.len() })
    }

    fn query(&mut self, query: &Query, k: usize) -> Result<Vec<(String, f64)>> {
        let asked = expression(query);
        let most = i64::try_from(k).unwrap_or(i64::MAX);
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, -row.get::<_, f64>(1)?));
        let found = if query.kind == Kind::Filtered {
            let mut search = self.connection.prepare_cached(SEARCH_FILTERED)?;
            search
                .query_map(params![asked, most, query.tag], read)?
                .collect::<rusqlite::Result<_>>()?
        } else {
            let mut search = self.connection.prepare_cached(SEARCH)?;
            search.query_map(params![asked, most], read)?.collect::<rusqlite::Result<_>>()?
        };
        Ok(found)
    }
}

/// The query in FTS5's language; terms are letters alone, so that quotes hold them.
fn expression(query: &Query) -> String {
    let terms = &query.terms;
    match query.kind {
        Kind::Term | Kind::Filtered => format!("\"{}\"", terms[0]),
        Kind::And => format!("\"{}\" AND \"{}\"", terms[0], terms[1]),
        Kind::Or => format!("\"{}\" OR \"{}\"", terms[0], terms[1]),
        Kind::Phrase => format!("\"{} {}\"", terms[0], terms[1]),
        Kind::Prefix4 | Kind::Prefix3 | Kind::Prefix2 => format!("\"{}\"*", terms[0]),
    }
}
