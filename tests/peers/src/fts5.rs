//! What FTS5 makes of a text.

use rusqlite::{Connection, params};

use crate::Result;

/// A word as FTS5 indexes it: its bytes, which are those of a string unless FTS5 cut it off, and
/// its place among the words of its text.
pub type Word = (Vec<u8>, u32);

/// The words that FTS5 with its defaults, so with its tokenizer `unicode61`, indexes of each of
/// the texts, in order.
///
/// # Errors
///
/// Those of SQLite.
pub fn words<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Vec<Vec<Word>>> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(
        "CREATE VIRTUAL TABLE text USING fts5(content, content = '');
         CREATE VIRTUAL TABLE word USING fts5vocab(text, instance);
         BEGIN",
    )?;
    let mut count = 0_usize;
    let mut insert = connection.prepare("INSERT INTO text (rowid, content) VALUES (?, ?)")?;
    for text in texts {
        insert.execute(params![i64::try_from(count).unwrap_or(i64::MAX), text])?;
        count += 1;
    }
    let mut words = vec![Vec::new(); count];
    let mut select = connection.prepare("SELECT doc, offset, CAST(term AS BLOB) FROM word")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let text = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(usize::MAX);
        if let Some(words) = words.get_mut(text) {
            words.push((row.get(2)?, row.get(1)?));
        }
    }
    for words in &mut words {
        words.sort_unstable_by_key(|(_, place)| *place);
    }
    Ok(words)
}
