//! Rows as a table, as JSON or as CSV.

use std::io::Write;

use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Map, Number};
use sigil_native::core::{Rows, Value};

use super::Outcome;

/// How rows are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Lines and columns for people
    #[default]
    Table,
    /// One JSON array of objects; blobs are hexadecimal, integers are exact
    Json,
    /// RFC 4180, with a header line; blobs are hexadecimal, NULL is empty
    Csv,
}

/// Writes `rows`; a result without columns writes nothing.
pub(super) fn write_rows(rows: &Rows, format: Format, out: &mut dyn Write) -> Outcome<()> {
    if rows.columns().is_empty() {
        return Ok(());
    }
    match format {
        Format::Table => write_table(rows, out),
        Format::Json => write_json(rows, out),
        Format::Csv => write_csv(rows, out),
    }
}

/// The narrowest terminal that a table is fitted to.
const COLUMNS_MIN: u16 = 20;

fn write_table(rows: &Rows, out: &mut dyn Write) -> Outcome<()> {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    // A terminal without a size says 0, and one letter a line helps nobody.
    let squeezed = table.width().is_some_and(|columns| columns < COLUMNS_MIN);
    table.set_content_arrangement(match squeezed {
        true => ContentArrangement::Disabled,
        false => ContentArrangement::Dynamic,
    });
    table.set_header(rows.columns());
    for row in rows.rows() {
        table.add_row(row.values().iter().map(|value| shown(value, Shown::Table)));
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        let numeric = rows.rows().iter().all(|row| {
            matches!(row.values().get(i), Some(Value::Integer(_) | Value::Real(_) | Value::Null))
        });
        if numeric && !rows.is_empty() {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "{table}")?;
    writeln!(out, "{} {}", rows.len(), if rows.len() == 1 { "row" } else { "rows" })?;
    Ok(())
}

fn write_json(rows: &Rows, out: &mut dyn Write) -> Outcome<()> {
    writeln!(out, "[")?;
    for (n, row) in rows.rows().iter().enumerate() {
        let object: Map<String, serde_json::Value> = rows
            .columns()
            .iter()
            .zip(row.values())
            .map(|(column, value)| (column.clone(), json(value)))
            .collect();
        let comma = if n + 1 < rows.len() { "," } else { "" };
        writeln!(out, "  {}{comma}", serde_json::Value::Object(object))?;
    }
    writeln!(out, "]")?;
    Ok(())
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Integer(value) => (*value).into(),
        // JSON has no infinity.
        Value::Real(value) => match Number::from_f64(*value) {
            Some(number) => serde_json::Value::Number(number),
            None => value.to_string().into(),
        },
        Value::Text(value) => value.as_str().into(),
        Value::Blob(value) => hex(value).into(),
    }
}

fn write_csv(rows: &Rows, out: &mut dyn Write) -> Outcome<()> {
    let mut csv = csv::Writer::from_writer(out);
    let lost = |error: csv::Error| std::io::Error::other(error);
    csv.write_record(rows.columns()).map_err(lost)?;
    for row in rows.rows() {
        csv.write_record(row.values().iter().map(|value| shown(value, Shown::Csv)))
            .map_err(lost)?;
    }
    csv.flush()?;
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Table,
    Csv,
}

fn shown(value: &Value, to: Shown) -> String {
    const BLOB_BYTES_SHOWN: usize = 32;
    match value {
        Value::Null if to == Shown::Table => "NULL".to_owned(),
        Value::Null => String::new(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => value.to_string(),
        // A control character could move the cursor or hide text on a terminal.
        Value::Text(value) if to == Shown::Table => value
            .chars()
            .map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c })
            .collect(),
        Value::Text(value) => value.clone(),
        Value::Blob(value) if to == Shown::Table && value.len() > BLOB_BYTES_SHOWN => {
            format!("x'{}'.. ({} bytes)", hex(&value[..8]), value.len())
        }
        Value::Blob(value) if to == Shown::Table => format!("x'{}'", hex(value)),
        Value::Blob(value) => hex(value),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number of bytes for people.
#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use sigil_native::core::{Store, params};

    fn rendered(format: Format) -> String {
        let store = Store::in_memory().unwrap();
        let values = params![
            1i64 << 60,
            0.5,
            "a,\"b\"\n\u{1b}[2J",
            vec![1u8, 255],
            None::<i64>,
            f64::INFINITY
        ];
        let rows = store
            .database()
            .query("SELECT ? AS i, ? AS r, ? AS t, ? AS b, ? AS n, ? AS inf", values)
            .unwrap();
        let mut out = Vec::new();
        write_rows(&rows, format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_exact_and_valid() {
        let parsed: serde_json::Value = serde_json::from_str(&rendered(Format::Json)).unwrap();
        assert_eq!(parsed[0]["i"], 1i64 << 60);
        assert_eq!(parsed[0]["b"], "01ff");
        assert_eq!(parsed[0]["n"], serde_json::Value::Null);
        assert_eq!(parsed[0]["inf"], "inf");
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let expected =
            "i,r,t,b,n,inf\n1152921504606846976,0.5,\"a,\"\"b\"\"\n\u{1b}[2J\",01ff,,inf\n";
        assert_eq!(rendered(Format::Csv), expected);
    }

    #[test]
    fn a_table_lets_no_escape_sequence_through() {
        let table = rendered(Format::Table);
        assert!(!table.contains('\u{1b}'), "{table}");
        assert!(table.contains("NULL") && table.contains("x'01ff'") && table.ends_with("1 row\n"));
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(3 << 30), "3.0 GiB");
    }
}
