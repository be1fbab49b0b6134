//! Looks through a source directory before anything is written: what files there are, whether all
//! of them can be read, how many rows there are, and which of them belong to another workspace.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sigil_core::{Error, ErrorKind, Result};

use super::columns_of as columns;
use super::file::{LegacyFile, Stamp};
use super::ids;
use super::report::{FileOutcome, FileReport, Repair};
use super::table::{Cell, LegacyDatabase, LegacyRow};
use super::vec0::{self, LegacyVector};

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Gateway,
    Sessions,
    Memory,
    Knowledge,
    Vectors,
}

impl Kind {
    const OF_WORKSPACE: [Kind; 4] = [Kind::Sessions, Kind::Memory, Kind::Knowledge, Kind::Vectors];

    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Kind::Gateway => "gateway.db",
            Kind::Sessions => "sessions.db",
            Kind::Memory => "memory.db",
            Kind::Knowledge => "knowledge.db",
            Kind::Vectors => "vectors.db",
        }
    }

    /// The tables that are read, and their columns.
    pub(crate) fn tables(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Kind::Gateway => columns::GATEWAY,
            Kind::Sessions => columns::SESSIONS_FILE,
            Kind::Memory => columns::MEMORY_FILE,
            Kind::Knowledge => columns::KNOWLEDGE_FILE,
            Kind::Vectors => columns::VECTORS_FILE,
        }
    }
}

/// A file of the source that can be read.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Its path in the source directory, with `/` between names.
    pub(crate) place: String,
    pub(crate) kind: Kind,
    /// The workspace of its directory; empty for the gateway's.
    pub(crate) home: String,
    /// Where it is, and how it was when it was first looked at. It is opened when it is read:
    /// a directory may hold more files than a process may have open.
    path: PathBuf,
    stamp: Stamp,
    pub(crate) rows: u64,
    /// How many numbers its vectors have.
    pub(crate) dimensions: Option<usize>,
    /// The sessions that belong to other workspaces, and to which.
    pub(crate) sessions_abroad: HashMap<String, String>,
    /// The vectors that belong to other workspaces, and to which.
    pub(crate) vectors_abroad: HashMap<String, String>,
}

impl SourceFile {
    /// Opens it.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when it was changed since it was first looked at, and what the host
    /// reports.
    pub(crate) fn open(&self) -> Result<LegacyFile> {
        let file = LegacyFile::open(&self.path)?;
        self.unchanged()?;
        Ok(file)
    }

    /// Makes sure that nobody changed it since it was first looked at.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when somebody did.
    pub(crate) fn unchanged(&self) -> Result<()> {
        self.stamp.unchanged(&self.path)
    }

    /// How it was when it was first looked at.
    pub(crate) fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The workspace that a row belongs to whose column says `workspace`.
    pub(crate) fn workspace_of(&self, workspace: &Cell) -> String {
        match text_of(workspace).as_str() {
            "" => self.home.clone(),
            other => ids::clean(other),
        }
    }
}

/// The text of a cell, however it is stored; bytes that are no UTF-8 replaced.
pub(crate) fn text_of(cell: &Cell) -> String {
    match cell {
        Cell::Absent | Cell::Null => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Integer(value) => value.to_string(),
        Cell::Real(value) => json!(value).to_string(),
        Cell::BrokenText(bytes) | Cell::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// A row that lies in the files of another workspace than its own.
#[derive(Debug)]
pub(crate) enum Stray {
    Row(LegacyRow),
    Vector(LegacyVector),
}

/// What there is to migrate.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) files: Vec<SourceFile>,
    /// The workspaces of the target: with a directory in the source, or with rows somewhere.
    pub(crate) workspaces: BTreeSet<String>,
    /// Rows in the files of another workspace: by workspace and table, with the file.
    pub(crate) strays: BTreeMap<(String, &'static str), Vec<(usize, Stray)>>,
    /// Files that cannot be read, and those that are none of the program's.
    pub(crate) others: Vec<FileReport>,
    /// The directories that were looked at.
    listed: BTreeSet<PathBuf>,
    /// Tables that are none of the program's.
    pub(crate) left_out: Vec<Repair>,
}

impl Survey {
    /// Looks through the directory `root`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it holds none of the files, and what the host reports. A file
    /// that cannot be read is no error here but one of the `others`.
    pub(crate) fn of(root: &Path) -> Result<Survey> {
        let mut survey = Survey::default();
        let mut found = Vec::new();
        survey.list(root, "", &mut found)?;
        found.sort();
        let is_any = !found.is_empty();
        for (place, kind, home) in found {
            survey.open(root.join(&place), place, kind, home);
        }
        if !is_any {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "'{}' holds no gateway.db and no workspaces with databases: name the data \
                     directory itself",
                    root.display()
                ),
            ));
        }
        for index in 0..survey.files.len() {
            if let Err(error) = survey.look_through(index) {
                let file = &survey.files[index];
                let error = error.context(format!("reading '{}'", file.path.display()));
                let outcome = FileOutcome::Failed(error.to_string());
                survey.others.push(FileReport {
                    file: file.place.clone(),
                    rows: file.rows,
                    outcome,
                });
            }
        }
        Ok(survey)
    }

    /// Whether every file can be read.
    pub(crate) fn is_readable(&self) -> bool {
        !self.others.iter().any(|file| matches!(file.outcome, FileOutcome::Failed(_)))
    }

    /// How many numbers the vectors of a workspace have, where its files say it.
    pub(crate) fn dimensions(&self, workspace: &str) -> Option<usize> {
        let own = self.files.iter().filter(|file| file.home == workspace);
        own.filter_map(|file| file.dimensions).next().or_else(|| {
            let strays = self.strays.get(&(workspace.to_owned(), "vectors"))?;
            strays.iter().find_map(|(file, _)| self.files[*file].dimensions)
        })
    }

    /// The files that rows of a workspace are in; of the gateway, where it is empty.
    pub(crate) fn files_of(&self, workspace: &str) -> impl Iterator<Item = &SourceFile> {
        let mut of: BTreeSet<usize> = BTreeSet::new();
        of.extend((0..self.files.len()).filter(|index| self.files[*index].home == workspace));
        for ((id, _), strays) in &self.strays {
            if id == workspace {
                of.extend(strays.iter().map(|(file, _)| *file));
            }
        }
        of.into_iter().map(|index| &self.files[index])
    }

    /// The file of a workspace of one kind.
    pub(crate) fn own(&self, workspace: &str, kind: Kind) -> Option<usize> {
        self.files.iter().position(|file| file.home == workspace && file.kind == kind)
    }

    /// The rows of a table that belong to a workspace and lie elsewhere.
    pub(crate) fn strays(&self, workspace: &str, table: &'static str) -> &[(usize, Stray)] {
        self.strays.get(&(workspace.to_owned(), table)).map_or(&[], Vec::as_slice)
    }

    /// Finds the files below `place`, which is empty or ends with `/`.
    fn list(
        &mut self,
        root: &Path,
        place: &str,
        found: &mut Vec<(String, Kind, String)>,
    ) -> Result<()> {
        let directory = root.join(place);
        // A link may lead back to where it is.
        if !fs::canonicalize(&directory).is_ok_and(|path| self.listed.insert(path)) {
            self.leave_out(place.to_owned(), "it is a directory that was looked at already");
            return Ok(());
        }
        let failed = |error| Error::io(format!("listing '{}'", directory.display()), error);
        let mut names: Vec<(String, PathBuf, bool)> = Vec::new();
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let is_directory = entry.path().is_dir();
            names.push((
                entry.file_name().to_string_lossy().into_owned(),
                entry.path(),
                is_directory,
            ));
        }
        names.sort();
        let home = place.strip_prefix("workspaces/").map(|rest| rest.trim_end_matches('/'));
        for (name, path, is_directory) in names {
            let below = format!("{place}{name}");
            if path.to_str().is_none() {
                self.leave_out(below, "its name is not UTF-8: rename it");
            } else if is_directory && (home.is_some() || below == "workspaces") {
                self.list(root, &format!("{below}/"), found)?;
            } else if !is_directory && place.is_empty() && name == Kind::Gateway.file_name() {
                found.push((below, Kind::Gateway, String::new()));
            } else if let Some(kind) = Kind::OF_WORKSPACE
                .into_iter()
                .find(|kind| !is_directory && home.is_some() && kind.file_name() == name)
            {
                found.push((below, kind, ids::clean(home.unwrap_or_default())));
            } else if !["-wal", "-shm", "-journal"].iter().any(|end| name.ends_with(end)) {
                self.leave_out(below, "it is no database of the program");
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, file: String, why: &str) {
        let outcome = FileOutcome::LeftOut(why.to_owned());
        self.others.push(FileReport { file, rows: 0, outcome });
    }

    fn open(&mut self, path: PathBuf, place: String, kind: Kind, home: String) {
        let opened = LegacyFile::open(&path).and_then(|file| {
            let database = LegacyDatabase::open(&file)?;
            let dimensions =
                if kind == Kind::Vectors { vec0::dimensions(&database)? } else { None };
            Ok((dimensions, file.stamp().clone()))
        });
        match opened {
            Ok((dimensions, stamp)) => {
                if kind != Kind::Gateway {
                    self.workspaces.insert(home.clone());
                }
                self.files.push(SourceFile {
                    place,
                    kind,
                    home,
                    path,
                    stamp,
                    rows: 0,
                    dimensions,
                    sessions_abroad: HashMap::new(),
                    vectors_abroad: HashMap::new(),
                });
            }
            Err(error) => {
                let outcome = FileOutcome::Failed(error.to_string());
                self.others.push(FileReport { file: place, rows: 0, outcome });
            }
        }
    }

    /// Reads every row of a file once: counts them, and keeps those of other workspaces.
    fn look_through(&mut self, index: usize) -> Result<()> {
        let strays = {
            let file = &self.files[index];
            let opened = file.open()?;
            let database = LegacyDatabase::open(&opened)?;
            self.left_out.extend(unknown(file, &database)?);
            self.find_strays(index)?
        };
        for (workspace, table, stray) in strays {
            self.workspaces.insert(workspace.clone());
            self.strays.entry((workspace, table)).or_default().push((index, stray));
        }
        Ok(())
    }

    fn find_strays(&mut self, index: usize) -> Result<Vec<(String, &'static str, Stray)>> {
        let mut strays = Vec::new();
        let (mut rows, mut sessions_abroad) = (0, HashMap::new());
        let mut vectors_abroad = HashMap::new();
        let file = &self.files[index];
        let opened = file.open()?;
        let database = LegacyDatabase::open(&opened)?;
        for (table, names) in file.kind.tables() {
            let column = |name: &str| names.iter().position(|column| *column == name);
            let workspace = column("workspace_id").or_else(|| column("workspace"));
            for row in database.rows(table, names)? {
                let row = row?;
                rows += 1;
                let of = match (file.kind, *table) {
                    (Kind::Gateway, _) => None,
                    (Kind::Sessions, "messages") => {
                        let session = text_of(&row.cells[1]);
                        sessions_abroad.get(&session).cloned()
                    }
                    (Kind::Vectors, _) => {
                        if let Some(of) = self.vector_abroad(file, &row.cells[1]) {
                            vectors_abroad.insert(text_of(&row.cells[0]), of);
                        }
                        None
                    }
                    _ => workspace.map(|at| file.workspace_of(&row.cells[at])),
                };
                if let Some(of) = of.filter(|of| *of != file.home) {
                    if *table == "sessions" {
                        sessions_abroad.insert(text_of(&row.cells[0]), of.clone());
                    }
                    strays.push((of, *table, Stray::Row(row)));
                }
            }
        }
        if file.kind == Kind::Vectors {
            vec0::read(&database, |vector| {
                rows += 1;
                let id = vector.id.as_ref().map(text_of);
                if let Some(of) = id.and_then(|id| vectors_abroad.get(&id)) {
                    strays.push((of.clone(), "vectors", Stray::Vector(vector)));
                }
                Ok(())
            })?;
        }
        drop(database);
        let file = &mut self.files[index];
        (file.rows, file.sessions_abroad, file.vectors_abroad) =
            (rows, sessions_abroad, vectors_abroad);
        Ok(strays)
    }

    /// The other workspace that a vector's metadata name, if its vectors are of the same length.
    fn vector_abroad(&self, file: &SourceFile, metadata: &Cell) -> Option<String> {
        let metadata: Value = serde_json::from_str(&text_of(metadata)).ok()?;
        let of = ids::clean(metadata.get("workspace_id")?.as_str().filter(|id| !id.is_empty())?);
        let mut own = self.files.iter().filter(|other| other.home == of);
        let dimensions = own.find_map(|other| other.dimensions);
        let fits = dimensions.is_none_or(|dimensions| Some(dimensions) == file.dimensions);
        (of != file.home && fits).then_some(of)
    }
}

/// The tables and columns of a file that are none of the program's.
fn unknown(file: &SourceFile, database: &LegacyDatabase<'_>) -> Result<Vec<Repair>> {
    let derived = ["memory_messages_fts", "vectors", "sqlite_"];
    let mut unknown = Vec::new();
    let mut note = |table: &str, wrong: String, was: Value| {
        unknown.push(Repair {
            file: file.place.clone(),
            table: table.to_owned(),
            rowid: 0,
            id: String::new(),
            wrong,
            done: "left out".to_owned(),
            was,
        });
    };
    for table in database.tables() {
        let known = file.kind.tables().iter().find(|(name, _)| name.eq_ignore_ascii_case(table));
        let Some((_, names)) = known else {
            if !derived.iter().any(|prefix| table.starts_with(prefix)) {
                let sql = database.definition(table);
                note(table, "a table that the program did not make".to_owned(), json!(sql));
            }
            continue;
        };
        for column in database.columns(table)? {
            let is_known = names.iter().any(|name| name.eq_ignore_ascii_case(&column));
            if !is_known && column != "rowid" {
                let wrong = format!("a column '{column}' that the program did not make");
                note(table, wrong, Value::Null);
            }
        }
    }
    Ok(unknown)
}
