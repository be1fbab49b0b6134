//! SQLite's dialect, without the engine's power to open databases of its own accord.

use std::sync::Arc;

use turso_core::schema::{BTreeTable, Schema};
use turso_core::{Dialect, Func, OpenOptions, SqliteDialect};
use turso_parser::ast::{Cmd, CreateTableBody, QualifiedName, Stmt};

use super::WAL_FILE;

/// SQLite's dialect, for exactly one database.
///
/// The engine opens a private in-memory database when SQL first touches the `temp` schema, in any
/// of the many forms in which it can, and it does so on a clock that aborts a wasm instance. It
/// builds the options of that open through this hook, and the path it opens refuses options that
/// name a log file. The store itself is opened on another path, which takes them.
pub(crate) struct OneDatabase(pub(crate) SqliteDialect);

/// What the engine says when that open is refused.
pub(crate) const REFUSAL: &str = "OpenOptions::wal_path is only supported";

/// The options for a database of this dialect.
pub(crate) fn open_options() -> OpenOptions {
    OpenOptions::new(Arc::new(OneDatabase(SqliteDialect)))
}

impl Dialect for OneDatabase {
    fn register_native_extensions(&self, options: OpenOptions) -> OpenOptions {
        self.0.register_native_extensions(options).wal_path(WAL_FILE)
    }

    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn parse(&self, sql: &str) -> turso_core::Result<(Option<Cmd>, usize)> {
        self.0.parse(sql)
    }

    fn parse_table_sql(&self, sql: &str, root_page: i64) -> turso_core::Result<BTreeTable> {
        self.0.parse_table_sql(sql, root_page)
    }

    fn parse_table_sql_ast(&self, sql: &str) -> turso_core::Result<Stmt> {
        self.0.parse_table_sql_ast(sql)
    }

    fn table_sql_for_replay(&self, sql: &str) -> turso_core::Result<String> {
        self.0.table_sql_for_replay(sql)
    }

    fn format_table_sql(
        &self,
        input: &str,
        table: &QualifiedName,
        body: &CreateTableBody,
    ) -> turso_core::Result<String> {
        self.0.format_table_sql(input, table, body)
    }

    fn register_catalog(&self, schema: &mut Schema, custom_types: bool) -> turso_core::Result<()> {
        self.0.register_catalog(schema, custom_types)
    }

    fn resolve_function(&self, name: &str, arguments: usize) -> turso_core::Result<Option<Func>> {
        self.0.resolve_function(name, arguments)
    }
}
