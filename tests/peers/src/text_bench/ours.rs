//! The text index of sigil-store, on the same table.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use sigil_native::core::{Filter, TextIndexOptions, TextQuery, TextSearchOptions, params};
use sigil_native::{DirectoryStore, open as open_store};
use sigil_peers::Result;

use crate::contender::{Size, TextContender};
use crate::input::{Doc, Kind, Query};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS docs (
      seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, tag INTEGER NOT NULL, text TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS docs_by_tag ON docs (tag);";

const INDEX: &str = "docs_text";

#[derive(Debug)]
struct Ours {
    store: DirectoryStore,
    path: PathBuf,
}

/// Opens or creates an index in a directory.
pub(crate) fn open(directory: &Path) -> Result<Box<dyn TextContender>> {
    let store = open_store(directory)?;
    store.database().execute_batch(SCHEMA)?;
    if store.text_indexes()?.is_empty() {
        let mut options = TextIndexOptions::new("docs", ["text"]);
        options.attributes = vec!["tag".to_owned()];
        store.create_text_index(INDEX, &options)?.count()?;
    }
    Ok(Box::new(Ours { store, path: directory.join("sigil.db") }))
}

impl Ours {
    fn insert(&self, doc: &Doc) -> Result<()> {
        let sql = "INSERT INTO docs (key, tag, text) VALUES (?1, ?2, ?3)";
        self.store.database().execute(sql, params![&*doc.key, doc.tag, &*doc.text])?;
        Ok(())
    }
}

impl TextContender for Ours {
    fn index(&mut self, docs: &[Doc]) -> Result<()> {
        self.store.begin()?;
        docs.iter().try_for_each(|doc| self.insert(doc))?;
        self.store.commit()?;
        Ok(())
    }

    fn append_one(&mut self, doc: &Doc) -> Result<()> {
        self.store.begin()?;
        self.insert(doc)?;
        Ok(self.store.commit()?)
    }

    fn settle(&mut self) -> Result<()> {
        self.store.save_indexes()?;
        Ok(self.store.database().checkpoint()?)
    }

    fn size_bytes(&mut self) -> Result<Size> {
        Ok(Size { index: pages_of(&self.path)?, all: std::fs::metadata(&self.path)?.len() })
    }

    fn query(&mut self, query: &Query, k: usize) -> Result<Vec<(String, f64)>> {
        let index = self.store.text_index(INDEX)?;
        let mut options = TextSearchOptions::default();
        if query.kind == Kind::Filtered {
            let tag = query.tag.unwrap_or_default();
            options.filter = Some(Filter::from_json(&format!("{{\"tag\":{tag}}}"))?);
        }
        let hits = index.search(&asked(query)?, k, &options)?;
        let mut found = Vec::with_capacity(hits.len());
        for hit in hits {
            let sql = "SELECT key FROM docs WHERE seq = ?";
            self.store.database().query_each(sql, params![hit.key], |row| {
                found.push((row.get_str(0)?.to_owned(), hit.score));
                Ok(())
            })?;
        }
        Ok(found)
    }
}

/// What the tables of text indexes take, as SQLite sees it.
fn pages_of(path: &Path) -> Result<u64> {
    let address = format!("file:{}?immutable=1", path.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let bytes: i64 = Connection::open_with_flags(address, flags)?.query_row(
        "SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'sigil_text%'",
        [],
        |row| row.get(0),
    )?;
    Ok(bytes.unsigned_abs())
}

fn asked(query: &Query) -> Result<TextQuery> {
    let term = |n: usize| TextQuery::term(&query.terms[n]);
    Ok(match query.kind {
        Kind::Term | Kind::Filtered => term(0)?,
        Kind::And => term(0)?.and(term(1)?)?,
        Kind::Or => term(0)?.or(term(1)?)?,
        Kind::Phrase => TextQuery::phrase(&query.terms.join(" "))?,
        Kind::Prefix4 | Kind::Prefix3 | Kind::Prefix2 => TextQuery::prefix(&query.terms[0])?,
    })
}
