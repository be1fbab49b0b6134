//! Directory names for the ids of workspaces.
//!
//! Small ASCII letters, digits, `-` and `_` stand for themselves; every other byte of the id's
//! UTF-8 is `%` and two hexadecimal digits. So an id cannot lead out of its directory, two ids
//! cannot meet on a file system that ignores case, and no name ends in a dot or a space. A name
//! that would be too long is cut off and gets a hash; the directory's own note says the whole id.

use std::fmt::Write;

use sigil_core::{Error, ErrorKind, ID_BYTES_MAX, Result};

/// The longest name, in bytes; file systems take 255, and some encrypting ones 143.
const NAME_BYTES_MAX: usize = 140;

/// What stands before the hash of a name that was cut off; no other name has it.
const CUT: char = '~';

/// Names that Windows keeps for devices.
const DEVICES: [&str; 4] = ["aux", "con", "nul", "prn"];

/// The name of the directory of the workspace `id`.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) for an empty id or one with a NUL byte,
/// [`Limit`](ErrorKind::Limit) for one that is too long.
pub(super) fn encode(id: &str) -> Result<String> {
    if id.is_empty() || id.contains('\0') {
        return Err(Error::invalid("a workspace's id is a text that is not empty and has no NUL"));
    }
    if id.len() > ID_BYTES_MAX {
        return Err(Error::new(
            ErrorKind::Limit,
            format!(
                "the workspace's id has {} bytes, the limit is {ID_BYTES_MAX}: shorten it",
                id.len()
            ),
        ));
    }
    let mut name = String::new();
    for byte in id.bytes() {
        // The first letter of a device's name is enough to make it another name.
        let plain = matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if plain && !(name.is_empty() && is_device(id)) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
    if name.len() > NAME_BYTES_MAX {
        let hash = twox_hash::XxHash3_128::oneshot(id.as_bytes());
        name.truncate(NAME_BYTES_MAX - 33);
        // Not in the middle of an escape.
        let end = name.rfind('%').filter(|at| at + 3 > name.len()).unwrap_or(name.len());
        name.truncate(end);
        let _ = write!(name, "{CUT}{hash:032x}");
    }
    Ok(name)
}

fn is_device(id: &str) -> bool {
    let numbered = |prefix: &str| {
        id.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    DEVICES.contains(&id) || numbered("com") || numbered("lpt")
}

/// The id that a name stands for; `None` when it was cut off, or is none of these names.
pub(super) fn decode(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let value = digit(rest.next())? * 16 + digit(rest.next())?;
                bytes.push(u8::try_from(value).ok()?);
            }
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => bytes.push(byte),
            _ => return None,
        }
    }
    let id = String::from_utf8(bytes).ok()?;
    // Only the one way of writing it.
    (encode(&id).ok()? == name).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_safe_and_can_be_read_back() {
        let ids = [
            "home",
            "Home",
            "HOME",
            "personal:ada",
            "../../etc",
            "..",
            ".",
            "a/b",
            "a\\b",
            "con",
            "com1",
            "CON",
            "com10",
            "a.b",
            "a ",
            "a%20",
            "\u{e9}\u{4f60}\u{1f600}",
            "~",
            "-",
            "_",
        ];
        let mut names = BTreeSet::new();
        for id in ids {
            let name = encode(id).unwrap();
            assert!(
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%-_".contains(&byte))
            );
            assert_eq!(decode(&name).as_deref(), Some(id));
            assert!(names.insert(name.to_ascii_lowercase()), "{id}");
        }
        assert_eq!(encode("personal:ada").unwrap(), "personal%3Aada");
        for name in ["", "Home", "%", "%4", "%zz", "a.b", "%61", "%ff", "%3a"] {
            assert_eq!(decode(name), None, "{name}");
        }
    }

    #[test]
    fn long_ids_get_a_hash_and_too_long_ones_an_error() {
        let long = "\u{4f60}".repeat(150);
        let (a, b) = (encode(&long).unwrap(), encode(&format!("{long}x")).unwrap());
        assert!(a.len() <= NAME_BYTES_MAX && b.len() <= NAME_BYTES_MAX && a != b);
        assert_eq!(decode(&a), None);
        assert_eq!(encode(&"a".repeat(4_000)).unwrap_err().kind(), ErrorKind::Limit);
        assert_eq!(encode("").unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(encode("a\0").unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
