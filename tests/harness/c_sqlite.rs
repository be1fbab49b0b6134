//! The C SQLite as a judge of our files: whatever we write, it must be able to read.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The rows that the C SQLite answers to `sql` on a copy of `database`, columns joined by `|`.
///
/// A write-ahead log beside the file (`database` with `-wal` after its name) is part of what it
/// sees. The files themselves are not touched: SQLite would checkpoint the log and delete it.
///
/// # Errors
/// An [`io::Error`] with SQLite's own message when it refuses the file or the SQL.
pub fn query(database: &Path, sql: &str) -> io::Result<Vec<String>> {
    let output = Command::new(tool()).arg(database).arg(sql).output()?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(io::Error::other(format!("sqlite3 on '{}': {message}", database.display())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// Whether the C SQLite finds `database` sound: the lines of its integrity check, `ok` alone when it is.
///
/// # Errors
/// As [`query`].
pub fn integrity_check(database: &Path) -> io::Result<Vec<String>> {
    query(database, "PRAGMA integrity_check")
}

fn tool() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/c-sqlite3")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A file of this test alone, removed when dropped.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            Scratch(std::env::temp_dir().join(format!("sigil-{}-{name}", std::process::id())))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    #[test]
    fn an_empty_file_is_an_empty_database() {
        let file = Scratch::new("empty.db");
        fs::write(&file.0, b"").unwrap();
        assert_eq!(integrity_check(&file.0).unwrap(), ["ok"]);
        assert_eq!(query(&file.0, "SELECT 1, NULL, 'x'").unwrap(), ["1||x"]);
        assert_eq!(fs::read(&file.0).unwrap(), b"");
    }

    #[test]
    fn a_file_that_is_no_database_is_an_error() {
        let file = Scratch::new("noise.db");
        fs::write(&file.0, [0x5a; 4096]).unwrap();
        let error = query(&file.0, "SELECT count(*) FROM sqlite_schema").unwrap_err();
        assert!(error.to_string().contains("not a database"), "{error}");
    }

    #[test]
    fn a_missing_file_is_an_error_and_not_created() {
        let file = Scratch::new("missing.db");
        assert!(query(&file.0, "SELECT 1").unwrap_err().to_string().contains("no database file"));
        assert!(!file.0.exists());
    }
}
