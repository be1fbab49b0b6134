//! The fields of one row, read with whatever repairs it takes.

use serde_json::{Value, json};
use sigil_core::{MESSAGE_BYTES_MAX, TEXT_BYTES_MAX, Timestamp};

use super::ids;
use super::report::{Place, Repair, exact, hex};
use super::table::{Cell, LegacyRow};

/// The fields of a row, and what had to be repaired in it so far.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    place: &'a Place,
    rowid: i64,
    names: &'a [&'a str],
    cells: Vec<Cell>,
    repairs: Vec<Repair>,
}

impl<'a> Fields<'a> {
    /// The fields of `row`, whose cells are those of the columns `names`.
    pub(crate) fn new(place: &'a Place, names: &'a [&'a str], row: LegacyRow) -> Fields<'a> {
        Fields { place, rowid: row.rowid, names, cells: row.cells, repairs: Vec::new() }
    }

    /// The rowid.
    pub(crate) fn rowid(&self) -> i64 {
        self.rowid
    }

    /// The cell of column `name`.
    pub(crate) fn cell(&self, name: &str) -> &Cell {
        let at = self.names.iter().position(|other| *other == name);
        at.and_then(|at| self.cells.get(at)).unwrap_or(&Cell::Absent)
    }

    /// Notes a repair.
    pub(crate) fn repair(&mut self, wrong: impl Into<String>, done: impl Into<String>, was: Value) {
        self.repairs.push(Repair {
            file: self.place.file.clone(),
            table: self.place.table.to_owned(),
            rowid: self.rowid,
            id: String::new(),
            wrong: wrong.into(),
            done: done.into(),
            was,
        });
    }

    /// The whole row as JSON.
    pub(crate) fn row(&self) -> Value {
        let cells = self.names.iter().zip(&self.cells);
        Value::Object(cells.map(|(name, cell)| ((*name).to_owned(), exact(cell))).collect())
    }

    /// The repairs, for the record with the id `id`.
    pub(crate) fn into_repairs(self, id: &str) -> impl Iterator<Item = Repair> {
        let id = id.to_owned();
        self.repairs.into_iter().map(move |repair| Repair { id: id.clone(), ..repair })
    }

    /// The text of column `name`; empty where the table has no such column.
    pub(crate) fn text(&mut self, name: &str) -> String {
        let cell = self.cell(name).clone();
        let was = exact(&cell);
        match cell {
            Cell::Absent => String::new(),
            Cell::Text(text) => text,
            Cell::Null => {
                self.repair(format!("{name} is NULL"), "read as empty", was);
                String::new()
            }
            Cell::Integer(_) | Cell::Real(_) => {
                let text = was.to_string();
                self.repair(format!("{name} is a number"), "taken as its text", was);
                text
            }
            Cell::BrokenText(bytes) | Cell::Blob(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let done = "what is not UTF-8 was replaced by U+FFFD";
                self.repair(format!("{name} is not text in UTF-8"), done, was);
                text
            }
        }
    }

    /// The text of column `name`, cut to what a short text may have.
    pub(crate) fn short_text(&mut self, name: &str) -> String {
        let text = self.text(name);
        self.cut(name, text, TEXT_BYTES_MAX)
    }

    /// The text of column `name`, cut to what the content of a message may have.
    pub(crate) fn content(&mut self, name: &str) -> String {
        let text = self.text(name);
        self.cut(name, text, MESSAGE_BYTES_MAX)
    }

    /// `text` cut to `max` bytes.
    pub(crate) fn cut(&mut self, name: &str, mut text: String, max: usize) -> String {
        if text.len() > max {
            let wrong = format!("{name} has {} bytes, more than {max}", text.len());
            self.repair(wrong, "cut to that; the whole is in this report", json!(text));
            let mut end = max;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
        }
        text
    }

    /// The id in column `name`, as one that the stores accept.
    pub(crate) fn id(&mut self, name: &str) -> String {
        let id = self.text(name);
        self.clean(name, &id)
    }

    /// `id` as one that the stores accept.
    pub(crate) fn clean(&mut self, name: &str, id: &str) -> String {
        let clean = ids::clean(id);
        if clean != id {
            let wrong = match id {
                "" => format!("{name} is empty"),
                _ if id.contains('\0') => format!("{name} holds a NUL byte"),
                _ => format!("{name} has {} bytes", id.len()),
            };
            self.repair(wrong, format!("became '{clean}'"), json!(id));
        }
        clean
    }

    /// The time in column `name`; `None` where it is unset or none.
    pub(crate) fn time(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.text(name);
        self.parse_time(name, &text, "left unset")
    }

    fn parse_time(&mut self, name: &str, text: &str, done: &str) -> Option<Timestamp> {
        if text.is_empty() {
            return None;
        }
        let time = text.parse().ok();
        if time.is_none() {
            self.repair(format!("{name} is no time"), done, json!(text));
        }
        time
    }

    /// The time in column `name`, the zero time where it is unset or none.
    pub(crate) fn required_time(&mut self, name: &str) -> Timestamp {
        let text = self.text(name);
        if text.is_empty() {
            let done = format!("became {}", Timestamp::ZERO);
            self.repair(format!("{name} is unset"), done, json!(text));
        }
        let done = format!("became {}", Timestamp::ZERO);
        self.parse_time(name, &text, &done).unwrap_or(Timestamp::ZERO)
    }

    /// The integer in column `name`, 0 where there is none.
    pub(crate) fn integer(&mut self, name: &str) -> i64 {
        let cell = self.cell(name).clone();
        let value = match &cell {
            Cell::Integer(value) => return *value,
            Cell::Absent => return 0,
            Cell::Text(text) => text.trim().parse().ok(),
            #[expect(clippy::cast_possible_truncation, reason = "what is no integer is caught")]
            Cell::Real(value) => Some(value.round() as i64),
            _ => None,
        };
        let done = format!("became {}", value.unwrap_or(0));
        self.repair(format!("{name} is no integer"), done, exact(&cell));
        value.unwrap_or(0)
    }

    /// The JSON in column `name`: `None` for none at all, the text as the error when it is no
    /// JSON.
    pub(crate) fn json(&mut self, name: &str) -> Result<Option<Value>, String> {
        let text = match self.cell(name) {
            Cell::Absent | Cell::Null => return Ok(None),
            // NULL is a form of none here, and other bytes are told by their text.
            Cell::BrokenText(bytes) | Cell::Blob(bytes) if std::str::from_utf8(bytes).is_err() => {
                return Err(hex(bytes));
            }
            _ => self.text(name),
        };
        if text.is_empty() {
            return Ok(None);
        }
        serde_json::from_str(&text).map(Some).map_err(|_| text)
    }
}
