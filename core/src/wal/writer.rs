//! Writes one transaction as a write-ahead log.

use super::{Checksum, FORMAT, MAGIC};

/// A whole log of one transaction that leaves a database of `db_pages` pages, `pages` of them as
/// given: numbers from 1, and the bytes of a page each.
///
/// `salts` tell it from what an older log left in the same file.
pub(crate) fn transaction(salts: [u8; 8], db_pages: u32, pages: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let Some((_, first)) = pages.first() else { return Vec::new() };
    let page_bytes = u32::try_from(first.len()).unwrap_or(0);
    let mut log = Vec::with_capacity((first.len() + super::FRAME_HEADER_LEN) * pages.len() + 32);
    for word in [MAGIC, FORMAT, page_bytes, 0] {
        log.extend_from_slice(&word.to_be_bytes());
    }
    log.extend_from_slice(&salts);
    let mut sum = Checksum::default().over(false, &log);
    put(&mut log, sum);
    for (at, (number, page)) in pages.iter().enumerate() {
        // The last frame is the commit.
        let size = if at + 1 == pages.len() { db_pages } else { 0 };
        let mut head = [0; 8];
        head[..4].copy_from_slice(&number.to_be_bytes());
        head[4..].copy_from_slice(&size.to_be_bytes());
        sum = sum.over(false, &head).over(false, page);
        log.extend_from_slice(&head);
        log.extend_from_slice(&salts);
        put(&mut log, sum);
        log.extend_from_slice(page);
    }
    log
}

fn put(log: &mut Vec<u8>, Checksum(a, b): Checksum) {
    log.extend_from_slice(&a.to_be_bytes());
    log.extend_from_slice(&b.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;
    use crate::wal::{WalTail, last_version, scan};

    #[test]
    fn what_is_written_is_read() {
        let page = |byte: u8| vec![byte; 1024];
        let log = transaction(*b"12345678", 9, &[(3, page(1)), (1, page(2)), (7, page(3))]);
        let found = scan(&log);
        assert_eq!((found.commits, found.frames, found.db_pages), (1, 3, 9));
        assert_eq!((found.page_size, found.tail), (1024, WalTail::Nothing));
        assert_eq!(last_version(&log, 1), Some(&page(2)[..]));
        assert!(transaction([0; 8], 9, &[]).is_empty());
    }
}
