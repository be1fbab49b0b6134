//! The C SQLite as a judge of our files: whatever we write, it must be able to read.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The rows that the C SQLite answers to `sql` on a copy of `database`, columns joined by `|`.
///
/// A write-ahead log beside the file (`database` with `-wal` after its name) is part of what it
/// sees. The files themselves are not touched: SQLite would checkpoint the log and delete it.
///
/// # Errors
/// An [`io::Error`] with SQLite's own message when it refuses the file or the SQL.
pub fn query(database: &Path, sql: &str) -> io::Result<Vec<String>> {
    let output = Command::new(tool()).arg(database).arg(sql).output()?;
    rows(&output).map_err(|message| {
        io::Error::other(format!("sqlite3 on '{}': {message}", database.display()))
    })
}

/// The rows that the C SQLite, one that has FTS5, answers to the lines of `script` in a database
/// of its own in memory, each of which is a whole statement.
///
/// # Errors
/// An [`io::Error`] with SQLite's own message when it refuses one of them, and when no SQLite with
/// FTS5 is installed.
pub fn run_with_fts5(script: String) -> io::Result<Vec<String>> {
    let mut command = Command::new(tool());
    command.arg("--fts5").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().ok_or_else(|| io::Error::other("no standard input"))?;
    // It answers before it has read all, so that nobody may wait for the other.
    let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()));
    let output = child.wait_with_output()?;
    let written = writer.join().map_err(|_| io::Error::other("the script was not written"))?;
    // Why it stopped reading says more than that it did.
    let rows = rows(&output).map_err(|why| io::Error::other(format!("sqlite3 with FTS5: {why}")));
    rows.and_then(|rows| written.map(|()| rows))
}

/// What it printed, or what it has to say.
fn rows(output: &Output) -> Result<Vec<String>, String> {
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
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
    fn a_script_is_answered_up_to_its_first_error() {
        let script = "CREATE VIRTUAL TABLE t USING fts5(a);\nINSERT INTO t VALUES ('x y');\n";
        let of = |sql: &str| run_with_fts5(format!("{script}{sql};\n"));
        assert_eq!(of("SELECT rowid, a FROM t WHERE t MATCH 'Y'").unwrap(), ["1|x y"]);
        let error = of("SELECT rowid FROM t WHERE t MATCH ')'").unwrap_err();
        assert!(error.to_string().contains("fts5: syntax error"), "{error}");
    }

    #[test]
    fn a_missing_file_is_an_error_and_not_created() {
        let file = Scratch::new("missing.db");
        assert!(query(&file.0, "SELECT 1").unwrap_err().to_string().contains("no database file"));
        assert!(!file.0.exists());
    }
}
