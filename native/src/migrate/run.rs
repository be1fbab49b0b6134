//! What the parts of a migration share while it runs: the rows, the progress, the repairs.

use sigil_core::Result;

use super::fields::Fields;
use super::report::{Place, Progress, Repair};
use super::survey::{Kind, Stray, Survey, text_of};
use super::table::{LegacyDatabase, LegacyRow};

/// A migration that runs.
pub(crate) struct Run<'a> {
    pub(crate) survey: &'a Survey,
    /// Whether the target may hold what an earlier run wrote.
    pub(crate) is_resuming: bool,
    repairs: Vec<Repair>,
    progress: &'a mut dyn FnMut(Progress<'_>) -> Result<()>,
    done: u64,
    total: u64,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        survey: &'a Survey,
        is_resuming: bool,
        progress: &'a mut dyn FnMut(Progress<'_>) -> Result<()>,
    ) -> Run<'a> {
        let total = survey.files.iter().map(|file| file.rows).sum();
        Run { survey, is_resuming, repairs: Vec::new(), progress, done: 0, total }
    }

    /// Notes that `rows` rows of `file` are done.
    ///
    /// # Errors
    /// That of the caller's, who stops the migration with it.
    pub(crate) fn advance(&mut self, file: &str, rows: u64) -> Result<()> {
        self.done += rows;
        (self.progress)(Progress { file, done: self.done, total: self.total })
    }

    /// Adds the repairs of the record that became `id`.
    pub(crate) fn keep(&mut self, fields: Fields<'_>, id: &str) {
        self.repairs.extend(fields.into_repairs(id));
    }

    /// The repairs so far, which are forgotten.
    pub(crate) fn take_repairs(&mut self) -> Vec<Repair> {
        std::mem::take(&mut self.repairs)
    }

    /// Hands each row of a table that belongs to `workspace` to `visit`, with its file and place:
    /// first those of its own file, then those that lie elsewhere.
    pub(crate) fn rows(
        &mut self,
        workspace: &str,
        kind: Kind,
        table: &'static str,
        mut visit: impl FnMut(&mut Run<'a>, usize, &Place, LegacyRow) -> Result<()>,
    ) -> Result<()> {
        let survey = self.survey;
        let Some((_, names)) = kind.tables().iter().find(|(name, _)| *name == table) else {
            return Ok(());
        };
        if let Some(index) = survey.own(workspace, kind) {
            let file = &survey.files[index];
            let place = Place { file: file.place.clone(), table };
            let column = |name: &str| names.iter().position(|column| *column == name);
            let named = column("workspace_id").or_else(|| column("workspace"));
            let opened = file.open()?;
            let database = LegacyDatabase::open(&opened)?;
            for row in database.rows(table, names)? {
                let row = row?;
                let is_abroad = match (kind, named) {
                    (Kind::Gateway, _) => false,
                    (Kind::Sessions, None) => {
                        file.sessions_abroad.contains_key(&text_of(&row.cells[1]))
                    }
                    (Kind::Vectors, _) => file.vectors_abroad.contains_key(&text_of(&row.cells[0])),
                    (_, Some(at)) => file.workspace_of(&row.cells[at]) != workspace,
                    (_, None) => false,
                };
                if !is_abroad {
                    visit(self, index, &place, row)?;
                }
            }
        }
        for (index, stray) in survey.strays(workspace, table) {
            let Stray::Row(row) = stray else { continue };
            let place = Place { file: survey.files[*index].place.clone(), table };
            visit(self, *index, &place, row.clone())?;
        }
        Ok(())
    }

    /// The fields of a row; that it lies in the files of another workspace is noted.
    pub(crate) fn fields<'p>(
        &self,
        workspace: &str,
        file: usize,
        place: &'p Place,
        names: &'p [&'p str],
        row: LegacyRow,
    ) -> Fields<'p> {
        let mut fields = Fields::new(place, names, row);
        let home = &self.survey.files[file].home;
        if home != workspace {
            fields.repair(
                format!("it lies in the files of the workspace '{home}'"),
                format!("moved to the workspace '{workspace}'"),
                serde_json::Value::Null,
            );
        }
        fields
    }
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("done", &self.done)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}
