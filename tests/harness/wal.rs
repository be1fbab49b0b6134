//! Writes bytes that are a write-ahead log of SQLite, for tests that need no engine.
//!
//! Follows <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>, independently of the
//! reader in the core.

use crate::random::Random;

/// A write-ahead log that grows by whole transactions.
#[derive(Debug, Clone)]
pub struct WalWriter {
    bytes: Vec<u8>,
    page_size: usize,
    salts: [u8; 8],
    sums: (u32, u32),
}

impl WalWriter {
    /// A log with nothing but its header.
    pub fn new(page_size: u32, salts: [u8; 8]) -> WalWriter {
        let mut bytes = Vec::new();
        for word in [0x377f_0682, 3_007_000, page_size, 0] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        bytes.extend_from_slice(&salts);
        let mut writer = WalWriter { bytes, page_size: page_size as usize, salts, sums: (0, 0) };
        let head = writer.bytes.clone();
        writer.add(&head);
        writer.store();
        writer
    }

    /// Appends a transaction that writes `pages` pages of random content.
    pub fn commit(&mut self, pages: u32, random: &mut Random) {
        for page in 1..=pages {
            let db_pages = if page == pages { pages.max(8) } else { 0 };
            let head = [page.to_be_bytes(), db_pages.to_be_bytes()].concat();
            let content: Vec<u8> =
                (0..self.page_size / 8).flat_map(|_| random.next_u64().to_le_bytes()).collect();
            self.add(&head);
            self.add(&content);
            self.bytes.extend_from_slice(&head);
            self.bytes.extend_from_slice(&self.salts);
            self.store();
            self.bytes.extend_from_slice(&content);
        }
    }

    /// The log so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn add(&mut self, bytes: &[u8]) {
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |w, byte| w << 8 | u32::from(*byte));
        for pair in bytes.chunks_exact(8) {
            self.sums.0 = self.sums.0.wrapping_add(word(&pair[..4])).wrapping_add(self.sums.1);
            self.sums.1 = self.sums.1.wrapping_add(word(&pair[4..])).wrapping_add(self.sums.0);
        }
    }

    fn store(&mut self) {
        self.bytes.extend_from_slice(&self.sums.0.to_be_bytes());
        self.bytes.extend_from_slice(&self.sums.1.to_be_bytes());
    }
}
