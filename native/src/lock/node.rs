//! The lock file of the npm package, which runs in programs that have no lock of the system's.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};
use sigil_core::{Error, ErrorKind, Result};

use crate::directory::owner_only;

const NODE_LOCK_FILE: &str = "sigil.node-lock";

/// Whom a lock file names.
#[derive(Debug, PartialEq, Eq)]
struct Holder {
    pid: u32,
    /// When the process started: clock ticks since boot on Linux.
    start: String,
    /// The pid namespace, where the host has them: in another one the pid means nothing.
    namespace: String,
    /// Tells this lock from every other.
    nonce: String,
}

impl Holder {
    fn this_process() -> Holder {
        let mut random = [0u8; 16];
        // Without entropy two claims could look alike, which costs a race between them at worst.
        let _ = getrandom::fill(&mut random);
        let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        let pid = std::process::id();
        Holder {
            pid,
            start: running(pid).unwrap_or_default(),
            namespace: namespace(),
            nonce: parts.join("-"),
        }
    }

    fn parse(text: &str) -> Option<Holder> {
        let value: Value = serde_json::from_str(text).ok()?;
        let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        let nonce = text("nonce")?;
        let plain = |c: char| c.is_ascii_hexdigit() || c == '-';
        (nonce.len() == 36 && nonce.chars().all(plain)).then_some(())?;
        Some(Holder {
            pid: u32::try_from(value.get("pid")?.as_u64()?).ok()?,
            start: text("start")?,
            namespace: text("namespace").unwrap_or_default(),
            nonce,
        })
    }

    fn to_json(&self) -> String {
        let Holder { pid, start, namespace, nonce } = self;
        json!({ "pid": pid, "start": start, "namespace": namespace, "nonce": nonce }).to_string()
    }
}

/// Fails when a process that uses the npm package has `directory` open, and removes the lock file
/// of one that is gone.
///
/// # Errors
/// [`ErrorKind::Locked`] naming the process, and the file to remove where it cannot be seen
/// whether the process is still there.
pub(super) fn give_way(directory: &Path) -> Result<()> {
    let path = directory.join(NODE_LOCK_FILE);
    let Some(holder) = read(&path)? else { return Ok(()) };
    refuse_live(directory, &path, &holder)?;
    remove_stale(directory, &path, &holder)
}

/// Whom the lock file names, or `None` when there is none.
fn read(path: &Path) -> Result<Option<Holder>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
        Err(error) => return Err(Error::io(format!("reading '{}'", path.display()), error)),
    };
    // A process that is alive may be half-way through writing it.
    Holder::parse(&text).map(Some).ok_or_else(|| {
        Error::new(
            ErrorKind::Locked,
            format!(
                "'{}' cannot be read as a lock: remove it if no process uses the directory",
                path.display()
            ),
        )
    })
}

fn refuse_live(directory: &Path, path: &Path, holder: &Holder) -> Result<()> {
    let Holder { pid, start, .. } = holder;
    let own = namespace();
    let advice = if own.is_empty() {
        format!("close it there, or remove '{}' if that process is gone", path.display())
    } else if holder.namespace != own {
        format!(
            "it runs in another container or on another machine: close it there, or remove '{}' \
             if it is gone",
            path.display()
        )
    } else if running(*pid).is_some_and(|found| found == *start) {
        "close it there, or wait for it to end".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::new(
        ErrorKind::Locked,
        format!(
            "the Node process {pid} has the directory '{}' open: {advice}",
            directory.display()
        ),
    ))
}

/// Removes the lock of `stale`, unless somebody else did.
///
/// Whoever creates the claim named after the stale lock is the only one who may remove it, and
/// looks again before: otherwise a lock could be removed that another process made meanwhile.
fn remove_stale(directory: &Path, path: &Path, stale: &Holder) -> Result<()> {
    let claim = directory.join(format!("{NODE_LOCK_FILE}.stale-{}~", stale.nonce));
    let failed = |error| Error::io(format!("removing the stale '{}'", path.display()), error);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    match owner_only(&mut options).open(&claim) {
        Ok(mut file) => {
            let own = Holder::this_process().to_json();
            let removed = file.write_all(own.as_bytes()).map_err(failed).and_then(|()| {
                match read(path)? {
                    Some(holder) if holder == *stale => fs::remove_file(path).map_err(failed),
                    // Its new holder looks for this process's lock, and gives way.
                    _ => Ok(()),
                }
            });
            let _ = fs::remove_file(&claim);
            removed
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if let Some(claimant) = read(&claim)? {
                refuse_live(directory, &claim, &claimant)?;
            }
            let _ = fs::remove_file(&claim);
            match read(path)? {
                Some(holder) if holder == *stale => fs::remove_file(path).map_err(failed),
                _ => Ok(()),
            }
        }
        Err(error) => Err(failed(error)),
    }
}

/// The pid namespace of this process, or nothing where there are none.
fn namespace() -> String {
    fs::read_link("/proc/self/ns/pid")
        .map(|path| path.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// When the process `pid` started, if it runs: field 22 of /proc/PID/stat, see proc(5).
fn running(pid: u32) -> Option<String> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name before the last parenthesis may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    // Field 3 is the state; a zombie holds nothing.
    (*fields.first()? != "Z").then(|| fields.get(19).map(|start| (*start).to_owned()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_what_the_npm_package_writes() {
        let own = Holder::this_process();
        assert_eq!(Holder::parse(&own.to_json()), Some(own));
        for text in [
            "",
            "{}",
            "[1]",
            r#"{"pid":-1,"start":"1","namespace":"","nonce":"00000000-0000-0000-0000-000000000000"}"#,
            r#"{"pid":1,"start":"1","namespace":"","nonce":"../../../../../../../../../../etc/x"}"#,
            r#"{"pid":1,"start":1,"namespace":"","nonce":"00000000-0000-0000-0000-000000000000"}"#,
        ] {
            assert_eq!(Holder::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_a_running_process_has_a_start() {
        assert_eq!(running(std::process::id()).is_some(), cfg!(target_os = "linux"));
        // Larger than any pid.
        assert_eq!(running(u32::MAX), None);
    }
}
