//! The built `sigil` program, run as a user runs it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The path of the program, which is built first, once, in the profile of the running test.
///
/// # Panics
/// When it cannot be built.
pub fn path() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().unwrap_or_default();
        // target/PROFILE/deps/TEST
        let profile = test.ancestors().nth(2).map(Path::to_owned).unwrap_or_default();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--locked", "--quiet", "--package", "sigil-native", "--bin", "sigil"]);
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        if let Some(target) = profile.parent() {
            build.arg("--target-dir").arg(target);
        }
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let built = build.status();
        assert!(built.is_ok_and(|status| status.success()), "sigil could not be built");
        profile.join(format!("sigil{}", std::env::consts::EXE_SUFFIX))
    })
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs the program with nothing on its standard input.
///
/// # Panics
/// When it cannot be started.
pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    run_with(arguments, "")
}

/// Runs the program with `input` on its standard input.
///
/// # Panics
/// When it cannot be started.
pub fn run_with<S: AsRef<std::ffi::OsStr>>(
    arguments: impl IntoIterator<Item = S>,
    input: &str,
) -> Ran {
    let child = Command::new(path())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let output = child.and_then(|mut child| {
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not want it may be gone already.
            let _ = stdin.write_all(input.as_bytes());
        }
        child.wait_with_output()
    });
    match output {
        Ok(output) => output.into(),
        Err(error) => panic!("'{}' could not be run: {error}", path().display()),
    }
}
