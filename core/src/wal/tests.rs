use super::*;
use crate::testing::test;

/// Writes WAL bytes as the format says, independently of the reader's own types.
struct Writer {
    bytes: Vec<u8>,
    page_size: usize,
    big_endian: bool,
    salts: [u8; 8],
    sums: (u32, u32),
}

impl Writer {
    fn new(page_size: u32, big_endian: bool, salts: [u8; 8]) -> Writer {
        let magic = 0x377f_0682 | u32::from(big_endian);
        let mut bytes = Vec::new();
        for word in [magic, 3_007_000, page_size, 1] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        bytes.extend_from_slice(&salts);
        let page_size = page_size as usize;
        let mut writer = Writer { bytes, page_size, big_endian, salts, sums: (0, 0) };
        writer.add(&writer.bytes.clone());
        writer.store();
        writer
    }

    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks(8) {
            let word = |bytes: &[u8]| {
                let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
                if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
            };
            self.sums.0 = self.sums.0.wrapping_add(word(&pair[..4])).wrapping_add(self.sums.1);
            self.sums.1 = self.sums.1.wrapping_add(word(&pair[4..])).wrapping_add(self.sums.0);
        }
    }

    fn store(&mut self) {
        self.bytes.extend_from_slice(&self.sums.0.to_be_bytes());
        self.bytes.extend_from_slice(&self.sums.1.to_be_bytes());
    }

    fn frame(&mut self, page: u32, db_pages: u32, fill: u8) {
        let head = [page.to_be_bytes(), db_pages.to_be_bytes()].concat();
        let content = vec![fill; self.page_size];
        self.add(&head);
        self.add(&content);
        self.bytes.extend_from_slice(&head);
        self.bytes.extend_from_slice(&self.salts);
        self.store();
        self.bytes.extend_from_slice(&content);
    }
}

/// Five transactions of 1, 2, 1, 3 and 2 frames, and where each ends.
fn five(page_size: u32, big_endian: bool) -> (Vec<u8>, Vec<usize>) {
    let mut writer = Writer::new(page_size, big_endian, *b"saltsalt");
    let mut ends = Vec::new();
    for (number, frames) in [1u32, 2, 1, 3, 2].into_iter().enumerate() {
        for frame in 1..=frames {
            let db_pages = if frame == frames { 4 } else { 0 };
            writer.frame(frame, db_pages, u8::try_from(number).unwrap());
        }
        ends.push(writer.bytes.len());
    }
    (writer.bytes, ends)
}

#[test]
fn commits_are_counted_in_either_byte_order_and_any_page_size() {
    for (page_size, big_endian) in [(512, false), (512, true), (4096, false), (65536, true)] {
        let (bytes, _) = five(page_size, big_endian);
        let found = scan(&bytes);
        let expected = WalScan {
            page_size,
            committed_len: bytes.len() as u64,
            commits: 5,
            frames: 9,
            db_pages: 4,
            tail: WalTail::Nothing,
        };
        assert_eq!(found, expected);
    }
}

#[test]
fn a_cut_at_every_byte_keeps_the_commits_before_it() {
    let (bytes, ends) = five(512, false);
    for cut in 0..bytes.len() {
        let found = scan(&bytes[..cut]);
        let end = ends.iter().rev().find(|end| **end <= cut).copied().unwrap_or(0);
        assert_eq!(found.committed_len, end as u64, "cut at {cut}");
        match found.tail {
            // The zeros that a frame begins with cannot be told from room for one.
            WalTail::Nothing => assert_eq!(written_len(&bytes[end..cut]), 0),
            WalTail::Unfinished { len } => {
                let written = end + usize::try_from(len).unwrap();
                assert_eq!(written_len(&bytes[written..cut]), 0, "cut at {cut}");
            }
            tail => panic!("a cut is no damage: {tail:?} at {cut}"),
        }
    }
}

#[test]
fn zeros_behind_the_log_are_room_for_more() {
    let (bytes, ends) = five(512, false);
    let unfinished = |len| WalTail::Unfinished { len };
    for (end, tail) in [
        (ends[4], WalTail::Nothing),
        (ends[3] + 536 + 100, unfinished(636)),
        (ends[3] + 536, unfinished(536)),
        (WAL_HEADER_LEN, unfinished(32)),
        (0, WalTail::Nothing),
    ] {
        for room in [1, 23, 24, 435, 436, 535, 536, 537, 5_000] {
            let mut roomy = bytes[..end].to_vec();
            roomy.resize(end + room, 0);
            let found = scan(&roomy);
            assert_eq!(found.committed_len, scan(&bytes[..end]).committed_len);
            assert_eq!(found.tail, tail, "{room} behind {end}");
        }
    }
    // Damage before the room is damage all the same, and so it is in the last commit.
    for (at, damaged) in [(ends[0] + 300, true), (ends[3] + 300, false)] {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        bytes.resize(ends[4] + 5_000, 0);
        match scan(&bytes).tail {
            WalTail::Damaged { .. } => assert!(damaged),
            WalTail::Torn { .. } => assert!(!damaged),
            tail => panic!("damage at {at} is {tail:?}"),
        }
    }
}

#[test]
fn a_flipped_bit_is_damage_in_all_but_the_last_transaction() {
    let (bytes, ends) = five(512, true);
    let last = ends[3];
    // Every bit of the headers, and a sample of the pages: the checksum sees those alike.
    let in_header = |byte: usize| byte < 32 || (byte - 32) % 536 < 24;
    for bit in (0..bytes.len() * 8).filter(|bit| in_header(bit / 8) || bit % 13 == 0) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = scan(&flipped);
        let byte = bit / 8;
        if byte < last {
            assert!(matches!(found.tail, WalTail::Damaged { .. }), "bit {bit}: {found:?}");
        } else {
            // A cut-off write may look like this, so the transaction is given up; but never
            // without a word, and a flip of a commit's mark is still known as damage.
            assert_eq!(found.committed_len, last as u64, "bit {bit}");
            assert!(
                matches!(found.tail, WalTail::Torn { .. } | WalTail::Damaged { .. }),
                "bit {bit}: {found:?}"
            );
        }
    }
}

#[test]
fn what_a_crash_can_leave_of_the_last_transaction_is_no_damage() {
    // Any subset of the sectors of the last transaction may have reached the disk, over
    // nothing or over the frames of a transaction that was rolled back.
    let (whole, ends) = five(512, false);
    let mut before = Writer::new(512, false, *b"saltsalt");
    for (number, frames) in [1u32, 2, 1, 3].into_iter().enumerate() {
        for frame in 1..=frames {
            let db_pages = if frame == frames { 4 } else { 0 };
            before.frame(frame, db_pages, u8::try_from(number).unwrap());
        }
    }
    assert_eq!(before.bytes, whole[..ends[3]]);
    for frame in 0..6u32 {
        before.frame(frame + 1, 0, 99);
    }
    let zeros = [whole[..ends[3]].to_vec(), vec![0; 2 * 536]].concat();
    for under in [zeros, before.bytes] {
        let sectors = 9;
        for subset in 0u32..1 << sectors {
            let mut bytes = under.clone();
            for sector in (0..sectors).filter(|sector| subset & 1 << sector != 0) {
                let start = ends[3] + sector * 128;
                let end = (start + 128).min(whole.len());
                bytes[start..end].copy_from_slice(&whole[start..end]);
            }
            let found = scan(&bytes);
            assert!(found.commits == 4 || found.commits == 5, "{found:?}");
            assert!(!matches!(found.tail, WalTail::Damaged { .. }), "{subset:b}: {found:?}");
        }
    }
}

#[test]
fn scanning_in_steps_is_scanning_at_once() {
    let (bytes, ends) = five(1024, false);
    for step in [1, 100, 1048, 3000] {
        let mut scanner = WalScanner::new();
        let mut len = 0;
        while len < bytes.len() {
            len = (len + step).min(bytes.len());
            let from = usize::try_from(scanner.committed_len()).unwrap();
            scanner.advance(&bytes[from..len]);
            let end = ends.iter().rev().find(|end| **end <= len).copied().unwrap_or(0);
            assert_eq!(scanner.committed_len(), end as u64);
        }
        assert_eq!((scanner.commits(), scanner.db_pages()), (5, 4));
    }
}

#[test]
fn what_is_no_wal_has_nothing_committed() {
    assert_eq!(scan(&[0; 32]).committed_len, 0);
    for bytes in [&b"x"[..], &[0xff; 5000], &b"SQLite format 3\0".repeat(400)] {
        assert_eq!(scan(bytes).committed_len, 0);
        assert!(!matches!(scan(bytes).tail, WalTail::Nothing | WalTail::Damaged { .. }));
    }
}

/// A log of the generation `salt`, over the bytes of an older one, and where it ends.
fn over(older: &[u8], salt: u32, random: u32, transactions: u8) -> (Vec<u8>, Vec<usize>) {
    let mut salts = [0; 8];
    salts[..4].copy_from_slice(&salt.to_be_bytes());
    salts[4..].copy_from_slice(&random.to_be_bytes());
    let mut writer = Writer::new(512, false, salts);
    let mut ends = vec![WAL_HEADER_LEN];
    for number in 0..transactions {
        let fill = number ^ random.to_be_bytes()[3];
        writer.frame(1, 0, fill);
        writer.frame(2, 4, fill);
        ends.push(writer.bytes.len());
    }
    let mut bytes = older.to_vec();
    bytes.resize(older.len().max(writer.bytes.len()), 0);
    bytes[..writer.bytes.len()].copy_from_slice(&writer.bytes);
    (bytes, ends)
}

#[test]
fn frames_of_an_older_log_are_room_for_more() {
    for salt in [7, 0, u32::MAX] {
        let (oldest, _) = over(&[], salt, 11, 6);
        let (old, _) = over(&oldest, salt.wrapping_add(1), 22, 4);
        let (new, ends) = over(&old, salt.wrapping_add(2), 33, 2);
        let found = scan(&new);
        assert_eq!((found.commits, found.tail), (2, WalTail::Nothing));
        assert_eq!(found.committed_len, ends[2] as u64);
        // A cut at any byte keeps the commits before it, and is never taken for damage.
        for cut in WAL_HEADER_LEN..ends[2] {
            let torn = [&new[..cut], &old[cut..]].concat();
            let found = scan(&torn);
            let end = ends[1..].iter().rev().find(|end| **end <= cut).copied().unwrap_or(0);
            assert_eq!(found.committed_len, end as u64, "cut at {cut}");
            assert!(!matches!(found.tail, WalTail::Damaged { .. }), "cut at {cut}: {found:?}");
        }
    }
}

/// The room for a write at `at` is cleared behind its first header, and then it is written.
#[test]
fn a_write_over_an_older_log_that_is_cut_off_anywhere_is_unfinished() {
    let (old, _) = over(&[], 1 << 30, 11, 6);
    let (new, ends) = over(&old, (1 << 30) + 1, 22, 4);
    for transaction in 0..4 {
        let (from, until) = (ends[transaction], ends[transaction + 1]);
        // The header of the log is no commit.
        let begun = if transaction == 0 { WAL_HEADER_LEN } else { 0 };
        let tail_of = |len: usize| match len as u64 {
            0 => WalTail::Nothing,
            len => WalTail::Unfinished { len },
        };
        let before = [&new[..from], &old[from..]].concat();
        let mut cleared = before.clone();
        cleared[from + FRAME_HEADER_LEN..until].fill(0);
        // A kernel cuts writes at multiples of its pages, and whatever is in a log at those of 8.
        for cut in (from..=until).step_by(8) {
            let clearing = [&cleared[..cut], &before[cut..]].concat();
            assert_eq!(scan(&clearing).tail, tail_of(begun), "cleared up to {cut}");
            assert_eq!(scan(&clearing).commits, transaction as u64);
            let written = [&new[..cut], &cleared[cut..]].concat();
            let found = scan(&written);
            let whole = cut == until;
            assert_eq!(found.commits, transaction as u64 + u64::from(whole), "cut at {cut}");
            let expected = match cut - from {
                _ if whole => 0,
                // The header is partly the old one's.
                ..FRAME_HEADER_LEN if found.tail == tail_of(begun) => begun,
                ..FRAME_HEADER_LEN => begun + FRAME_HEADER_LEN,
                _ => begun + written_len(&written[from..cut]),
            };
            assert_eq!(found.tail, tail_of(expected), "cut at {cut}");
        }
    }
}

#[test]
fn damage_before_an_older_log_is_damage() {
    let (old, _) = over(&[], 7, 11, 6);
    let (new, ends) = over(&old, 8, 22, 4);
    for byte in 0..ends[4] {
        for bit in 0..8 {
            let mut flipped = new.clone();
            flipped[byte] ^= 1 << bit;
            let tail = scan(&flipped).tail;
            match byte < ends[3] {
                true => assert!(matches!(tail, WalTail::Damaged { .. }), "{byte}.{bit}: {tail:?}"),
                false => assert_ne!(tail, WalTail::Nothing, "{byte}.{bit}"),
            }
        }
    }
}

#[test]
fn a_restart_that_was_cut_off_has_nothing_committed() {
    let (old, _) = over(&[], 7, 11, 6);
    let (new, _) = over(&old, 8, 22, 0);
    let mut marked = old.clone();
    marked[..WAL_HEADER_LEN].copy_from_slice(&RESTARTED);
    for (before, after) in [(&old, &marked), (&marked, &new)] {
        for cut in 1..WAL_HEADER_LEN {
            let torn = [&after[..cut], &before[cut..]].concat();
            let found = scan(&torn);
            assert_eq!((found.commits, found.tail), (0, WalTail::Nothing), "cut at {cut}");
        }
    }
    assert_eq!(scan(&marked).tail, WalTail::Nothing);
    assert_eq!(scan(&RESTARTED).tail, WalTail::Nothing);
    // A header that only happens to end like the mark is a damaged header.
    let damaged = (0..u32::MAX).find_map(|random| {
        let (mut log, _) = over(&[], 7, random.swap_bytes(), 4);
        (log[31] == b'.').then(|| {
            log[12] ^= 1;
            log
        })
    });
    let tail = scan(&damaged.unwrap()).tail;
    assert!(matches!(tail, WalTail::Damaged { offset: 0, later_commits: 4 }), "{tail:?}");
}
