//! Arbitrary bytes as an SQLite database, with and without a write-ahead log, and as one page.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigil_core::page::{BTreePage, DatabaseHeader, FilePages, PageReader, Pages, Record};
use sigil_core::{Files, MemoryFiles, Result};

/// Reads everything that the database holds, and stops at the first thing that does not hold.
fn walk<P: Pages>(reader: &PageReader<P>) -> Result<()> {
    reader.freelist()?;
    for entry in reader.schema()? {
        if entry.root == 0 || entry.kind != "table" {
            continue;
        }
        let mut last = None;
        for row in reader.table(entry.root)? {
            let row = row?;
            assert!(last < Some(row.rowid), "rows come in order");
            last = Some(row.rowid);
            let record = row.record()?;
            for index in 0..=record.len() {
                let _ = record.value(index);
            }
        }
    }
    Ok(())
}

/// Every page by itself, as what it may claim to be.
fn pages(reader: &PageReader<impl Pages>) {
    let mut bytes = Vec::new();
    for number in 1..=reader.pages().page_count().min(64) {
        if reader.read_page(number, &mut bytes).is_err() {
            break;
        }
        let Ok(page) = BTreePage::parse(reader.header(), number, &bytes) else { continue };
        let _ = (page.right_child(), page.content_start(), page.fragmented_bytes());
        for cell in page.cells().flatten() {
            assert!(cell.span.end <= reader.header().usable_bytes());
            assert!(cell.local.len() as u64 <= cell.payload_len);
            assert_eq!(cell.overflow.is_some(), (cell.local.len() as u64) < cell.payload_len);
            let _ = Record::parse(cell.local);
        }
        let Ok(unused) = page.unused() else { continue };
        let used = page.cells().flatten().map(|cell| cell.span);
        for used in used {
            assert!(unused.iter().all(|gap| gap.end <= used.start || gap.start >= used.end));
        }
    }
}

// The first two bytes say how many times 512 bytes the database has; the rest is its log.
fuzz_target!(|bytes: &[u8]| {
    let Some((cut, bytes)) = bytes.split_first_chunk() else { return };
    let _ = DatabaseHeader::parse(bytes);
    let _ = Record::parse(bytes);
    let (database, log) =
        bytes.split_at(bytes.len().min(512 * usize::from(u16::from_be_bytes(*cut))));
    let files = MemoryFiles::new();
    files.put("db", database.to_vec());
    let file = files.open("db", false).expect("it was just put there");
    let Ok(source) = FilePages::open(file.as_ref(), log.to_vec()) else { return };
    let Ok(reader) = PageReader::new(source) else { return };
    let _ = walk(&reader);
    pages(&reader);
});
