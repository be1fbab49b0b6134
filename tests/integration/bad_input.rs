//! Directories that are in use, that cannot be written, that are full, or that are none.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sigil_core::{
    CollectionOptions, DATABASE_FILE, DatabaseOptions, ErrorKind, Metadata, Metric, WAL_FILE,
    image, params,
};
use sigil_native::{DirectoryStorage, open, open_existing};
use sigil_tests::program::{self, run};
use sigil_tests::scratch::Scratch;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn store(name: &str) -> Scratch {
    let directory = Scratch::new(name);
    let store = open(directory.path()).unwrap();
    store.database().execute("CREATE TABLE t (a)", ()).unwrap();
    store.database().execute("INSERT INTO t VALUES ('here')", ()).unwrap();
    store.close().unwrap();
    directory
}

/// A process of the program that holds `directory` open until it is dropped.
struct Holder(Child);

impl Holder {
    fn of(directory: &Path) -> Holder {
        // With nothing on its standard input yet, the program waits for statements.
        let child = Command::new(program::path())
            .args(["query", text(directory)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let holder = Holder(child);
        let named = format!("{}\n", holder.0.id());
        while std::fs::read_to_string(directory.join("sigil.lock")).unwrap() != named {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        holder
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_second_process_is_told_who_holds_the_directory() {
    let directory = store("two");
    let holder = Holder::of(directory.path());
    let pid = holder.0.id();
    for command in ["query", "inspect", "verify", "export"] {
        let file = directory.join("out");
        let rest = match command {
            "query" => Some("SELECT 1"),
            "export" => Some(text(&file)),
            _ => None,
        };
        let ran = run([command, text(directory.path())].into_iter().chain(rest));
        assert_eq!(ran.code, Some(2), "{command}: {ran:?}");
        assert!(ran.err.ends_with("(locked)\n"), "{command}: {ran:?}");
        assert!(ran.err.contains(&format!("process {pid} has")), "{command}: {ran:?}");
    }
    let error = open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    // However it ends, the lock goes with it.
    drop(holder);
    open(directory.path()).unwrap().close().unwrap();
    let ours = open(directory.path()).unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(error.to_string().contains("this process has"), "{error}");
    ours.close().unwrap();
}

#[test]
fn a_file_is_no_directory_and_a_directory_no_file() {
    let scratch = Scratch::new("shapes");
    std::fs::create_dir_all(scratch.path()).unwrap();
    let file = scratch.join("file");
    std::fs::write(&file, b"content").unwrap();
    let error = open(&file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains("is a file"), "{error}");
    assert_eq!(open(file.join("below")).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(std::fs::read(&file).unwrap(), b"content");
    // A directory where the database should be.
    let odd = scratch.join("odd");
    std::fs::create_dir_all(odd.join(DATABASE_FILE)).unwrap();
    let error = open(&odd).unwrap_err();
    assert!(error.to_string().contains(DATABASE_FILE), "{error}");
    assert!(!odd.join(WAL_FILE).exists());
    // A directory where a file to import or export should be.
    for (command, from, to) in [
        ("import", scratch.path(), scratch.join("new").as_path()),
        ("export", store("shape").path(), scratch.path()),
    ] {
        let ran = run([command, text(from), text(to)]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.contains(text(scratch.path())), "{ran:?}");
    }
}

#[test]
fn a_file_of_something_else_is_refused_and_left_alone() {
    let scratch = Scratch::new("something");
    std::fs::create_dir_all(scratch.path()).unwrap();
    let path = scratch.join(DATABASE_FILE);
    for (bytes, kind) in [
        (b"hello".to_vec(), ErrorKind::NotADatabase),
        (vec![0x5a; 20_000], ErrorKind::NotADatabase),
        (b"SQLite format 3\0".iter().copied().chain([1; 8_000]).collect(), ErrorKind::Corrupt),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        let error = open(scratch.path()).unwrap_err();
        assert!(error.kind() == kind || error.kind() == ErrorKind::Corrupt, "{error:?}");
        assert!(error.to_string().contains(text(scratch.path())), "{error}");
        assert!(std::fs::read(&path).unwrap() == bytes);
        let ran = run(["verify", text(scratch.path())]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.out.starts_with("damage: "), "{ran:?}");
    }
}

#[test]
fn what_a_newer_version_wrote_is_refused_and_left_alone() {
    let directory = store("newer-schema");
    let sql = "UPDATE sigil_meta SET value = 999 WHERE key = 'version'";
    assert_eq!(run(["query", text(directory.path()), sql]).code, Some(0));
    let before = std::fs::read(directory.join(DATABASE_FILE)).unwrap();
    let error = open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NewerFormat);
    assert!(error.to_string().contains("999"), "{error}");
    for command in ["inspect", "verify"] {
        let ran = run([command, text(directory.path())]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.ends_with("(newer-format)\n"), "{ran:?}");
    }
    assert!(std::fs::read(directory.join(DATABASE_FILE)).unwrap() == before);

    // A container of version 2, whose checksum holds.
    let blobs = Scratch::new("newer-container");
    let storage = DirectoryStorage::open(blobs.path()).unwrap();
    let id = sigil_core::StoreId([1; 16]);
    let mut opened = image::open(&storage, image::OpenOptions::default(), id).unwrap();
    let input = image::FlushInput { database: Some(b"database"), ..Default::default() };
    opened.image.flush(&storage, &input).unwrap();
    let path = blobs.join("manifest-a");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 2;
    let sum = sigil_core::container::checksum(&bytes[..72]);
    bytes[72..80].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let ran = run(["inspect", text(blobs.path())]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.ends_with("(newer-format)\n"), "{ran:?}");
    assert!(std::fs::read(&path).unwrap() == bytes);
}

/// Runs `script` in a mount namespace of its own, with `$1` the program and `$2` the directory.
///
/// Mounts need the rights of root or user namespaces; a host that gives neither fails here, and
/// says so.
fn in_mount_namespace(script: &str, directory: &Path) -> std::process::Output {
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "bash", "-euc", script, "bash"])
        .arg(program::path())
        .arg(directory)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!message.contains("unshare failed"), "this host has no mount namespaces: {message}");
    output
}

#[test]
fn a_read_only_directory_gives_a_clear_error() {
    let directory = store("read-only");
    let script = r#"
        mount --bind "$2" "$2"
        mount -o remount,ro,bind "$2"
        for command in query inspect verify; do
            "$1" $command "$2" </dev/null 2>&1 && exit 9 || echo "code $?"
        done"#;
    let output = in_mount_namespace(script, directory.path());
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(out.matches("(read-only)\ncode 2\n").count(), 3, "{out}");
    assert!(out.contains("check the permissions"), "{out}");
    open(directory.path()).unwrap().close().unwrap();
}

#[test]
fn a_full_disk_poisons_and_keeps_what_was_acknowledged() {
    let directory = Scratch::new("full");
    std::fs::create_dir_all(directory.path()).unwrap();
    // The writer stops at its first error. Then there is room again.
    let script = r#"
        mount -t tmpfs -o size=600k tmpfs "$2"
        "$WRITER" "$2" > /dev/shm/sigil-full-$$ 2>"$2.err" && exit 9 || true
        echo "acknowledged $(tail -n 1 /dev/shm/sigil-full-$$)"
        rm /dev/shm/sigil-full-$$
        mount -o remount,size=20m "$2"
        "$1" verify "$2"
        "$1" query "$2" --format csv 'SELECT count(*), max(n) FROM event;
            SELECT count(*) FROM event JOIN sigil_vectors_1 ON id = '"'v'"' || n'
        "$1" query "$2" 'INSERT INTO event VALUES (100000, 1)'"#;
    let script =
        script.replace("\"$WRITER\"", &format!("'{}'", env!("CARGO_BIN_EXE_sigil-test-writer")));
    let output = in_mount_namespace(&script, directory.path());
    let out = String::from_utf8_lossy(&output.stdout);
    let errors = format!("{}.err", text(directory.path()));
    let failure = std::fs::read_to_string(&errors).unwrap();
    std::fs::remove_file(&errors).unwrap();
    assert!(output.status.success(), "{out} {}", String::from_utf8_lossy(&output.stderr));
    assert!(failure.contains("full: ") && failure.contains("free some space"), "{failure}");
    // It tried again, and was told that the handle can no longer be used.
    assert!(failure.contains("poisoned: "), "{failure}");
    let mut lines = out.lines();
    let acknowledged: i64 =
        lines.next().unwrap().strip_prefix("acknowledged ").unwrap().parse().unwrap();
    assert!(acknowledged > 10, "{out}");
    let counts: Vec<&str> = lines.filter(|line| line.starts_with(char::is_numeric)).collect();
    let [both, together] = counts[..] else { panic!("{out}") };
    let (count, last) = both.split_once(',').unwrap();
    assert_eq!((count, together), (last, last), "{out}");
    let last: i64 = last.parse().unwrap();
    assert!((acknowledged..=acknowledged + 1).contains(&last), "{out}");
}

#[test]
fn a_file_size_limit_is_a_full_disk() {
    let directory = store("limit");
    // 200 blocks of 512 bytes (bash counts 1,024); the signal that comes with the error is ignored.
    let sql = "INSERT INTO t SELECT hex(randomblob(500)) FROM generate_series(1, 1000)";
    let ran = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$@\"", "bash"])
        .arg(program::path())
        .args(["query", text(directory.path()), sql])
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{error}");
    assert!(error.ends_with("(full)\n"), "{error}");
    let store = open(directory.path()).unwrap();
    let rows = store.database().query("SELECT a FROM t", ()).unwrap();
    assert_eq!(rows.single().unwrap().as_str(), Some("here"));
    store.database().execute("INSERT INTO t VALUES ('more')", ()).unwrap();
    store.close().unwrap();
    drop(store);
    assert_eq!(sigil_native::verify(directory.path()).unwrap(), []);
}

#[test]
fn wrong_input_is_refused_by_kind_and_changes_nothing() {
    let directory = store("input");
    let store = open_existing(directory.path(), DatabaseOptions::default()).unwrap();
    let options = CollectionOptions::new(3, Metric::Cosine);
    let vectors = store.create_collection("v", options).unwrap();
    vectors.store("a", &[1.0, 0.0, 0.0], &Metadata::new()).unwrap();
    let none = Metadata::new();
    let long = "x".repeat(1 << 20);
    for error in [
        vectors.store("b", &[1.0, 0.0], &none).unwrap_err(),
        vectors.store("b", &[f32::NAN, 0.0, 0.0], &none).unwrap_err(),
        vectors.store("b", &[f32::INFINITY, 0.0, 0.0], &none).unwrap_err(),
        vectors.store("", &[1.0, 0.0, 0.0], &none).unwrap_err(),
        vectors.store(&long, &[1.0, 0.0, 0.0], &none).unwrap_err(),
        vectors.search(&[1.0], 1, &Default::default()).unwrap_err(),
        sigil_core::Filter::from_json(r#"{"a": {"$near": 1}}"#).unwrap_err(),
        store.database().execute("INSERT INTO t VALUES (?)", params![1, 2]).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().len() < 400, "{error}");
    }
    assert_eq!(store.collection("w").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(vectors.count().unwrap(), 1);
    let error = store.open_collection("v", CollectionOptions::new(4, Metric::Cosine)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    store.close().unwrap();
    drop(store);
    assert_eq!(sigil_native::verify(directory.path()).unwrap(), []);
}

/// A `sigil.node-lock` as the npm package writes it.
fn node_lock(directory: &Path, pid: u32, start: &str, namespace: &str) {
    std::fs::create_dir_all(directory).unwrap();
    let text = format!(
        r#"{{"pid":{pid},"start":"{start}","namespace":"{namespace}","nonce":"01234567-89ab-cdef-0123-456789abcdef"}}"#
    );
    std::fs::write(directory.join("sigil.node-lock"), text).unwrap();
}

fn own_namespace() -> String {
    std::fs::read_link("/proc/self/ns/pid").unwrap().to_string_lossy().into_owned()
}

fn start_of(pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap().to_owned()
}

#[test]
fn the_lock_of_a_node_process_is_honoured_while_it_lives() {
    let directory = store("node-lock");
    let lock = directory.join("sigil.node-lock");
    // `sleep` stands for a Node process.
    let mut other = Command::new("sleep").arg("60").spawn().unwrap();
    let (pid, namespace) = (other.id(), own_namespace());
    let start = start_of(pid);
    node_lock(directory.path(), pid, &start, &namespace);
    let error = open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains(&format!("Node process {pid} has")), "{error}");
    assert!(lock.exists());
    // The same pid with another start is another process, so that lock is stale.
    node_lock(directory.path(), pid, "1", &namespace);
    open(directory.path()).unwrap().close().unwrap();
    assert!(!lock.exists());
    node_lock(directory.path(), pid, &start, &namespace);
    other.kill().unwrap();
    other.wait().unwrap();
    open(directory.path()).unwrap().close().unwrap();
    assert!(!lock.exists());
    // In another namespace nobody can say whether it lives; nor of what cannot be read.
    node_lock(directory.path(), pid, &start, "pid:[1]");
    let error = open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains(&format!("remove '{}'", lock.display())), "{error}");
    std::fs::write(&lock, "{\"pid\":1").unwrap();
    let error = open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains(&format!("'{}' cannot be read", lock.display())), "{error}");
    std::fs::remove_file(&lock).unwrap();
    open(directory.path()).unwrap().close().unwrap();
}

#[test]
fn a_live_node_process_and_this_one_keep_each_other_out() {
    // What the package does (wasm/ts/lock/node.ts): create its lock, then read `sigil.lock`, which
    // counts while the process it names has the file open.
    const NODE: &str = r"
        const fs = require('fs'), [directory] = process.argv.slice(1);
        const fields = fs.readFileSync('/proc/self/stat', 'latin1').split(') ')[1].split(' ');
        const lock = { pid: process.pid, start: fields[19], namespace: fs.readlinkSync('/proc/self/ns/pid'),
                       nonce: crypto.randomUUID() };
        fs.writeFileSync(directory + '/sigil.node-lock', JSON.stringify(lock), { flag: 'wx' });
        const native = directory + '/sigil.lock';
        const pid = fs.existsSync(native) ? Number.parseInt(fs.readFileSync(native, 'latin1'), 10) : 0;
        const open = pid > 0 && fs.existsSync(`/proc/${pid}/fd`) && fs.readdirSync(`/proc/${pid}/fd`).some((fd) => {
            try { return fs.readlinkSync(`/proc/${pid}/fd/${fd}`) === fs.realpathSync(native); } catch { return false; }
        });
        if (open) fs.unlinkSync(directory + '/sigil.node-lock');
        console.log(open ? `held by ${pid}` : 'mine');
        if (!open) setInterval(() => {}, 1000);";
    let directory = store("node");
    let node = || {
        let mut node = Command::new("node")
            .args(["-e", NODE, text(directory.path())])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(node.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (node, line)
    };
    let held = open(directory.path()).unwrap();
    let (mut gave_way, line) = node();
    assert_eq!(line, format!("held by {}\n", std::process::id()));
    assert!(gave_way.wait().unwrap().success());
    held.close().unwrap();
    drop(held);

    let (holder, line) = node();
    let mut holder = Holder(holder);
    assert_eq!(line, "mine\n");
    let error = open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains(&holder.0.id().to_string()), "{error}");
    holder.0.kill().unwrap();
    holder.0.wait().unwrap();
    open(directory.path()).unwrap().close().unwrap();
}
