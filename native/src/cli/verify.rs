//! `sigil verify`: looks for damage, first in the files as they lie, then in the open store.

use std::io::Write;
use std::path::Path;

use sigil_native::core::Severity;

use super::{DONE, FOUND, Outcome, data};

/// Runs the command.
pub(super) fn run(directory: &Path, out: &mut dyn Write) -> Outcome {
    let (mut damage, mut warnings) = (0, 0);
    let stores = match data::is_data(directory) {
        true => data::stores(directory)?,
        false => vec![(String::new(), directory.to_owned())],
    };
    for (name, path) in stores {
        let findings = sigil_native::verify(&path)?;
        for finding in &findings {
            let colon = if name.is_empty() { "" } else { ": " };
            writeln!(out, "{name}{colon}{finding}")?;
        }
        let count = |severity| findings.iter().filter(|it| it.severity == severity).count();
        damage += count(Severity::Damage);
        warnings += count(Severity::Warning);
    }
    if damage + warnings == 0 {
        writeln!(out, "ok")?;
        return Ok(DONE);
    }
    writeln!(out, "{damage} damaged, {warnings} warnings")?;
    Ok(FOUND)
}
