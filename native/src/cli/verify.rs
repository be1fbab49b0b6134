//! `sigil verify`: looks for damage, first in the files as they lie, then in the open store.

use std::io::Write;
use std::path::Path;

use sigil_native::core::Severity;

use super::{DONE, FOUND, Outcome};

/// Runs the command.
pub(super) fn run(directory: &Path, out: &mut dyn Write) -> Outcome {
    let findings = sigil_native::verify(directory)?;
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (damage, warnings) = (count(Severity::Damage), count(Severity::Warning));
    if damage + warnings == 0 {
        writeln!(out, "ok")?;
        return Ok(DONE);
    }
    writeln!(out, "{damage} damaged, {warnings} warnings")?;
    Ok(FOUND)
}
