//! Files of vectors: rows of little-endian 32-bit floats, and lines of metadata beside them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::{DIMENSIONS, Result};

/// Reads rows on from one of them, some at a time, so that a large file is never in memory.
pub(crate) struct Rows {
    file: File,
    left: usize,
    bytes: Vec<u8>,
    floats: Vec<f32>,
}

impl Rows {
    pub(crate) fn open(path: &Path, first: usize, count: usize) -> Result<Rows> {
        let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut rows = Rows { file, left: 0, bytes: Vec::new(), floats: Vec::new() };
        rows.seek(first, count)?;
        Ok(rows)
    }

    /// Goes to another row, to read `count` from there.
    pub(crate) fn seek(&mut self, first: usize, count: usize) -> Result<()> {
        self.file.seek(SeekFrom::Start((first * DIMENSIONS * 4) as u64))?;
        self.left = count;
        Ok(())
    }

    /// The next rows, at most `most` of them; none at the end.
    pub(crate) fn next(&mut self, most: usize) -> Result<&[f32]> {
        let rows = self.left.min(most);
        self.left -= rows;
        self.bytes.resize(rows * DIMENSIONS * 4, 0);
        self.file.read_exact(&mut self.bytes)?;
        let (floats, _) = self.bytes.as_chunks::<4>();
        self.floats.clear();
        self.floats.extend(floats.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        Ok(&self.floats)
    }
}

/// All rows of a range at once, one after another.
pub(crate) fn read(path: &Path, first: usize, count: usize) -> Result<Vec<f32>> {
    Ok(Rows::open(path, first, count)?.next(count)?.to_vec())
}

/// The first `count` lines.
pub(crate) fn lines(path: &Path, count: usize) -> Result<Vec<String>> {
    Ok(BufReader::new(File::open(path)?).lines().take(count).collect::<std::io::Result<_>>()?)
}

/// The memory of this process that no file backs, in bytes.
pub(crate) fn anonymous_memory() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).ok_or("no RssAnon")?;
    let kib: u64 = line.split_whitespace().nth(1).ok_or("no figure in RssAnon")?.parse()?;
    Ok(kib << 10)
}
