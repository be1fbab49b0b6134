use std::sync::Arc;

use super::record::varint;
use super::*;
use crate::engine::{DATABASE_FILE, Database, DatabaseOptions, WAL_FILE};
use crate::files::{File, Files, MemoryFiles};
use crate::host::FixedHost;
use crate::params;
use crate::testing::test;
use crate::value::{Value, ValueRef};

fn database(files: &MemoryFiles) -> Database {
    let options = DatabaseOptions { checkpoint_at_bytes: None, ..DatabaseOptions::default() };
    Database::open(Arc::new(files.clone()), Arc::new(FixedHost::new(1)), options).unwrap()
}

/// A table of three levels, with rows of all lengths around those at which pages overflow.
fn fill(db: &Database) {
    db.execute_batch(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT, bytes BLOB, number);
         CREATE INDEX note_text ON note (text);
         CREATE VIEW shown AS SELECT * FROM note;",
    )
    .unwrap();
    let lens = (0..40).chain(4_000..4_060).chain([8_100, 8_200, 20_000, 70_000]).chain([300; 900]);
    db.transaction(|db| {
        for (i, len) in (0i64..).zip(lens) {
            let number = match i % 5 {
                0 => Value::Null,
                1 => Value::Integer(i.pow(5) * if i % 2 == 0 { 1 } else { -1 }),
                2 => Value::Real(0.5 * f64::from(i32::try_from(i).unwrap_or(0))),
                3 => Value::Integer(i % 2),
                _ => Value::Text(String::new()),
            };
            let text = "t".repeat(len);
            let bytes = vec![0xa5u8; len / 3];
            db.execute(
                "INSERT INTO note VALUES (?, ?, ?, ?)",
                params![i * i - 100, text, bytes, number],
            )?;
        }
        db.execute("DELETE FROM note WHERE id % 7 = 0", ())
    })
    .unwrap();
}

fn wal(files: &MemoryFiles) -> Vec<u8> {
    files.bytes(WAL_FILE).unwrap_or_default()
}

fn root_of<P: Pages>(reader: &PageReader<P>, name: &str) -> u32 {
    reader.schema().unwrap().iter().find(|entry| entry.name == name).unwrap().root
}

/// All rows of `note`, the key in place of the NULL that is stored for it.
fn rows<P: Pages>(reader: &PageReader<P>) -> Result<Vec<Vec<Value>>> {
    let rows = reader.table(root_of(reader, "note"))?;
    rows.map(|row| {
        let row = row?;
        let mut values = row.record()?.to_values()?;
        values[0] = Value::Integer(row.rowid);
        Ok(values)
    })
    .collect()
}

#[test]
fn the_rows_are_those_that_sql_gives_with_and_without_a_log() {
    let files = MemoryFiles::new();
    let db = database(&files);
    fill(&db);
    let expected: Vec<Vec<Value>> = db
        .query("SELECT * FROM note ORDER BY id", ())
        .unwrap()
        .into_iter()
        .map(crate::Row::into_values)
        .collect();
    assert!(expected.len() > 700, "{}", expected.len());
    for in_log in [true, false] {
        if !in_log {
            db.close().unwrap();
        }
        assert_eq!(wal(&files).is_empty(), !in_log);
        let file = files.open(DATABASE_FILE, false).unwrap();
        let reader = PageReader::new(FilePages::open(file.as_ref(), wal(&files)).unwrap()).unwrap();
        assert_eq!(rows(&reader).unwrap(), expected);
        let schema = reader.schema().unwrap();
        let found: Vec<(&str, &str, bool)> =
            schema.iter().map(|e| (e.kind.as_str(), e.name.as_str(), e.root > 1)).collect();
        let made =
            [("table", "note", true), ("index", "note_text", true), ("view", "shown", false)];
        assert_eq!(found, made);
        assert_eq!(schema[1].table, "note");
        let list = reader.freelist().unwrap();
        let free = list.trunks.len() + list.leaves.len();
        assert_eq!(free, reader.header().free_pages as usize);
        let index = root_of(&reader, "note_text");
        assert_eq!(reader.table(index).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(reader.table(0).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(reader.table(1 << 31).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn what_is_unused_and_what_is_used_make_the_page() {
    let files = MemoryFiles::new();
    let db = database(&files);
    fill(&db);
    db.close().unwrap();
    let file = files.open(DATABASE_FILE, false).unwrap();
    let reader = PageReader::new(FilePages::open(file.as_ref(), Vec::new()).unwrap()).unwrap();
    let usable = reader.header().usable_bytes();
    assert_eq!(usable, 4088);
    let mut bytes = Vec::new();
    let mut freeblocks = 0;
    for number in 1..=reader.pages().page_count() {
        reader.read_page(number, &mut bytes).unwrap();
        let Ok(page) = BTreePage::parse(reader.header(), number, &bytes) else { continue };
        // A page of another kind may happen to look like one.
        let Ok(unused) = page.unused() else { continue };
        let start = if number == 1 { 100 } else { 0 };
        let head = start + if page.kind().is_interior() { 12 } else { 8 } + 2 * page.len();
        let cells: usize = page.cells().map(|cell| cell.unwrap().span.len()).sum();
        let blocks = page.freeblocks().unwrap();
        let free: usize = unused.iter().map(ExactSizeIterator::len).sum();
        assert_eq!(head + cells + free + 4 * blocks.len(), usable, "page {number}");
        assert!(page.content_start() >= head, "page {number}");
        freeblocks += blocks.len();
    }
    assert!(freeblocks > 0);
}

#[test]
fn varints_have_up_to_nine_bytes() {
    assert_eq!(varint(&[0]), Some((0, 1)));
    assert_eq!(varint(&[0x81, 0x01, 9]), Some((129, 2)));
    assert_eq!(varint(&[0xff; 9]), Some((u64::MAX, 9)));
    assert_eq!(varint(&[0xff; 8]), None);
    assert_eq!(varint(&[]), None);
    assert_eq!(varint(&[0x80, 0x80, 0]), Some((0, 3)));
}

#[test]
fn records_of_every_type_and_what_is_no_record() {
    let head = [12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14];
    let mut payload = head.to_vec();
    for len in [1, 2, 3, 4, 6, 8] {
        payload.extend(std::iter::repeat_n(0xff, len - 1));
        payload.push(0xfe);
    }
    payload.extend(1.5f64.to_bits().to_be_bytes());
    payload.push(7);
    let record = Record::parse(&payload).unwrap();
    let values: Vec<Value> = record.to_values().unwrap();
    let two = Value::Integer(-2);
    assert_eq!(values[0], Value::Null);
    assert!(values[1..7].iter().all(|value| *value == two), "{values:?}");
    assert_eq!(values[7..], [1.5.into(), 0.into(), 1.into(), Value::Blob(vec![7])]);
    assert_eq!(record.value(99).unwrap(), ValueRef::Null);
    assert_eq!(record.bytes(99), None);

    let nan = [&[2, 7][..], &f64::NAN.to_bits().to_be_bytes()].concat();
    assert_eq!(Record::parse(&nan).unwrap().value(0).unwrap(), ValueRef::Null);
    let latin = Record::parse(&[2, 15, 0xe9]).unwrap();
    assert_eq!(latin.value(0).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(latin.bytes(0), Some(&[0xe9][..]));
    for broken in
        [&[][..], &[0], &[3, 1], &[2, 1], &[2, 0x81, 1], &[2, 10], &[2, 11], &[10; 3], &[0xff; 20]]
    {
        assert_eq!(Record::parse(broken).unwrap_err().kind(), ErrorKind::Corrupt, "{broken:?}");
    }
    assert!(Record::parse(&[1]).unwrap().is_empty());
}

#[test]
fn headers_that_cannot_be_are_refused() {
    let files = MemoryFiles::new();
    database(&files).close().unwrap();
    let head = files.with_bytes(DATABASE_FILE, |bytes| bytes[..100].to_vec()).unwrap();
    let parsed = DatabaseHeader::parse(&head).unwrap();
    assert_eq!((parsed.page_bytes, parsed.reserved_bytes, parsed.pages), (4096, 8, 1));
    assert_eq!(parsed.encoding, TextEncoding::Utf8);
    let with = |at: usize, byte: u8| {
        let mut head = head.clone();
        head[at] = byte;
        DatabaseHeader::parse(&head).map_err(|error| error.kind())
    };
    assert_eq!(with(0, b's'), Err(ErrorKind::NotADatabase));
    assert_eq!(with(16, 0x11), Err(ErrorKind::Corrupt));
    assert_eq!(with(16, 0), Err(ErrorKind::Corrupt));
    assert_eq!(with(59, 4), Err(ErrorKind::Corrupt));
    assert_eq!(with(59, 3).unwrap().encoding, TextEncoding::Utf16Be);
    assert_eq!(with(95, 7).unwrap().pages, 0);
    let large = with(16, 0).and(with(17, 1));
    assert_eq!(large, Err(ErrorKind::Corrupt));
    // 512 bytes of which 40 are reserved leave too few.
    let mut small = head.clone();
    small[16..18].copy_from_slice(&512u16.to_be_bytes());
    small[20] = 40;
    assert_eq!(DatabaseHeader::parse(&small).unwrap_err().kind(), ErrorKind::Corrupt);
    small[16..18].copy_from_slice(&1u16.to_be_bytes());
    assert_eq!(DatabaseHeader::parse(&small).unwrap().usable_bytes(), 65_496);
}

#[test]
fn pointer_maps_stand_where_the_format_says() {
    let header = DatabaseHeader {
        page_bytes: 1024,
        reserved_bytes: 0,
        pages: 0,
        first_free_trunk: 0,
        free_pages: 0,
        encoding: TextEncoding::Utf8,
        pointer_maps: true,
    };
    let maps: Vec<u32> = (0..700).filter(|page| header.is_pointer_map(*page)).collect();
    // 1,024 / 5 = 204 pages behind each.
    assert_eq!(maps, [2, 207, 412, 617]);
    assert_eq!(header.lock_page(), (1 << 20) + 1);
}

#[test]
fn damage_anywhere_is_an_error_or_harmless_and_never_a_panic() {
    let files = MemoryFiles::new();
    let db = database(&files);
    db.execute_batch(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT);
         INSERT INTO note SELECT value, hex(zeroblob(20 + value)) FROM generate_series(1, 200);
         INSERT INTO note VALUES (1000, hex(zeroblob(6000)));
         DELETE FROM note WHERE id % 9 = 1;",
    )
    .unwrap();
    db.close().unwrap();
    let bytes = files.bytes(DATABASE_FILE).unwrap();
    let (mut failed, mut total) = (0, 0);
    for at in (0..bytes.len()).filter(|at| at % 4096 < 130 || at % 31 == 0) {
        for byte in [0, 1, 0x7f, 0xff, bytes[at] ^ 1] {
            let files = MemoryFiles::new();
            let mut changed = bytes.clone();
            changed[at] = byte;
            files.put(DATABASE_FILE, changed);
            let file = files.open(DATABASE_FILE, false).unwrap();
            total += 1;
            failed += usize::from(walk(file.as_ref()).is_err());
        }
    }
    assert!(failed > 50 && failed < total, "{failed} of {total}");
}

/// Reads everything that there is.
fn walk(file: &dyn File) -> Result<()> {
    let reader = PageReader::new(FilePages::open(file, Vec::new())?)?;
    for entry in reader.schema()? {
        if entry.kind == "table" && entry.root > 0 {
            for row in reader.table(entry.root)? {
                row?.record()?.to_values()?;
            }
        }
    }
    reader.freelist().map(drop)
}

#[test]
fn a_cycle_ends() {
    let files = MemoryFiles::new();
    let db = database(&files);
    fill(&db);
    db.close().unwrap();
    let bytes = files.bytes(DATABASE_FILE).unwrap();
    let file = files.open(DATABASE_FILE, false).unwrap();
    let reader = PageReader::new(FilePages::open(file.as_ref(), Vec::new()).unwrap()).unwrap();
    let root = root_of(&reader, "note");
    let at = (root as usize - 1) * 4096;
    let free = reader.header().first_free_trunk;
    // The right child of the root is the root; and the list of free pages goes on with itself.
    for (at, number) in [(at + 8, root), ((free as usize - 1) * 4096, free)] {
        let mut changed = bytes.clone();
        changed[at..at + 4].copy_from_slice(&number.to_be_bytes());
        let files = MemoryFiles::new();
        files.put(DATABASE_FILE, changed);
        let file = files.open(DATABASE_FILE, false).unwrap();
        assert_eq!(walk(file.as_ref()).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
