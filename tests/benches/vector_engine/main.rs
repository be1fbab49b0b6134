//! Our side of `tests/benches/vectors`: an index in a process of its own, asked through a pipe.
//!
//! Each line of the input is a command in JSON, `{"do": "search", ..}`, and each line of the
//! output its answer, `{"ok": ..}` or `{"error": "why"}`. The peers answer the same commands.

#![expect(clippy::print_stdout, reason = "the answers go there")]

mod durable;
mod ours;
mod rows;

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use durable::Durable;
use ours::Ours;
use rows::Rows;

const DIMENSIONS: usize = 384;

/// So many rows are read at a time; few, because what holds them counts as memory that is taken.
const CHUNK: usize = 100;

/// So many rows at the end of a build are timed on their own.
const TAIL: usize = 1000;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    if !std::env::args().any(|argument| argument == "serve") {
        println!("nothing to measure alone: run tests/benches/vectors");
        return Ok(());
    }
    let mut worker = Worker::default();
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?)
            .map_err(Into::into)
            .and_then(|command| worker.answer(&command))
        {
            Ok(answer) => json!({ "ok": answer }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

#[derive(Default)]
struct Worker {
    index: Option<Ours>,
    durable: Option<Durable>,
    queries: (PathBuf, Vec<f32>),
}

impl Worker {
    fn answer(&mut self, command: &Value) -> Result<Value> {
        match text(command, "do")? {
            "hello" => Ok(json!({ "about": Ours::about() })),
            "build" => self.build(command),
            "search" => self.search(command),
            "explain" => self.explain(command),
            "call" => self.call(command),
            "replace" => self.replace(command),
            "remove" => self.remove(command),
            "memory" => self.memory(),
            "save" => self.save(command),
            "open" => self.open(command),
            "fill" => self.fill(command),
            "store" => {
                let (first, count) = (number(command, "first")?, number(command, "count")?);
                let store = self.durable.as_ref().ok_or("no store is open")?;
                Ok(json!({ "ms": store.store(path(command, "rows")?, first, count)? }))
            }
            other => Err(format!("no command {other}").into()),
        }
    }

    fn index(&self) -> Result<&Ours> {
        Ok(self.index.as_ref().ok_or("no index is built")?)
    }

    /// Adds the rows of a file one by one.
    fn build(&mut self, command: &Value) -> Result<Value> {
        let (file, count) = (path(command, "rows")?, number(command, "count")?);
        let tags = match command["tags"].as_str() {
            Some(tags) => rows::lines(Path::new(tags), count)?,
            None => Vec::new(),
        };
        self.index = None;
        let before = rows::anonymous_memory()?;
        let mut index = Ours::new(text(command, "variant")?, DIMENSIONS)?;
        let mut rows = Rows::open(file, 0, count)?;
        let (mut spent, mut tail, mut row) = (Duration::ZERO, Duration::ZERO, 0);
        loop {
            let vectors = rows.next(CHUNK)?;
            if vectors.is_empty() {
                break;
            }
            let began = Instant::now();
            for vector in vectors.chunks_exact(DIMENSIONS) {
                index.add(row, vector, Ours::tags(tags.get(row).map_or("{}", |it| it))?)?;
                row += 1;
            }
            spent += began.elapsed();
            if row + TAIL > count {
                tail += began.elapsed();
            }
        }
        self.index = Some(index);
        Ok(json!({
            "seconds": spent.as_secs_f64(),
            "tail": tail.as_secs_f64(),
            "before": before,
            "after": rows::anonymous_memory()?,
        }))
    }

    /// One query a call, after `warm` that are not timed; what was found is looked at later.
    fn search(&mut self, command: &Value) -> Result<Value> {
        let (file, count) = (path(command, "queries")?, number(command, "count")?);
        if self.queries.0 != file || self.queries.1.len() != count * DIMENSIONS {
            self.queries = (file.to_owned(), rows::read(file, 0, count)?);
        }
        let index = self.index()?;
        let asked = index.asked(command)?;
        let warm = command["warm"].as_u64().unwrap_or(0).try_into()?;
        for query in self.queries.1.chunks_exact(DIMENSIONS).take(warm) {
            std::hint::black_box(index.search(query, &asked)?);
        }
        let mut found = Vec::with_capacity(count);
        let began = Instant::now();
        for query in self.queries.1.chunks_exact(DIMENSIONS) {
            found.push(index.search(query, &asked)?);
        }
        let seconds = began.elapsed().as_secs_f64();
        let ids = found.iter().map(|hits| Ours::rows(hits)).collect::<Result<Vec<_>>>()?;
        Ok(json!({ "seconds": seconds, "ids": ids }))
    }

    /// How the first of the queries is answered.
    fn explain(&self, command: &Value) -> Result<Value> {
        let query = rows::read(path(command, "queries")?, 0, 1)?;
        let index = self.index()?;
        Ok(json!({ "text": index.explain(&query, &index.asked(command)?)? }))
    }

    /// Seconds a search takes where there is almost nothing to search.
    fn call(&mut self, command: &Value) -> Result<Value> {
        let count = number(command, "count")?;
        let queries = rows::read(path(command, "queries")?, 0, count)?;
        let mut index = Ours::new("f32", DIMENSIONS)?;
        for (row, vector) in queries.chunks_exact(DIMENSIONS).take(10).enumerate() {
            index.add(row, vector, Ours::tags("{}")?)?;
        }
        let asked = index.asked(&json!({ "k": 10 }))?;
        let began = Instant::now();
        for query in queries.chunks_exact(DIMENSIONS) {
            std::hint::black_box(index.search(query, &asked)?);
        }
        Ok(json!({ "seconds": began.elapsed().as_secs_f64() / count as f64 }))
    }

    /// Puts the rows of a file that are named in place of what their ids hold.
    fn replace(&mut self, command: &Value) -> Result<Value> {
        let mut rows = Rows::open(path(command, "rows")?, 0, 0)?;
        let index = self.index.as_mut().ok_or("no index is built")?;
        let mut spent = Duration::ZERO;
        for row in numbers(command, "which")? {
            rows.seek(row, 1)?;
            let vector = rows.next(1)?;
            let began = Instant::now();
            index.add(row, vector, Ours::tags("{}")?)?;
            spent += began.elapsed();
        }
        Ok(json!({ "seconds": spent.as_secs_f64() }))
    }

    fn remove(&mut self, command: &Value) -> Result<Value> {
        let which = numbers(command, "which")?;
        let index = self.index.as_mut().ok_or("no index is built")?;
        let began = Instant::now();
        for row in which {
            if !index.remove(row) {
                return Err(format!("row {row} is not there").into());
            }
        }
        Ok(json!({ "seconds": began.elapsed().as_secs_f64() }))
    }

    fn memory(&self) -> Result<Value> {
        let reported = self.index.as_ref().map(Ours::memory);
        Ok(json!({ "anonymous": rows::anonymous_memory()?, "reported": reported }))
    }

    fn save(&self, command: &Value) -> Result<Value> {
        let file = path(command, "path")?;
        let began = Instant::now();
        self.index()?.save(file)?;
        let seconds = began.elapsed().as_secs_f64();
        Ok(json!({ "seconds": seconds, "bytes": std::fs::metadata(file)?.len() }))
    }

    fn open(&mut self, command: &Value) -> Result<Value> {
        self.index = None;
        let before = rows::anonymous_memory()?;
        let began = Instant::now();
        let bytes = std::fs::read(path(command, "path")?)?;
        let read = began.elapsed();
        self.index = Some(Ours::open(&bytes)?);
        let whole = began.elapsed();
        drop(bytes);
        Ok(json!({
            "seconds": whole.as_secs_f64(),
            "reading": read.as_secs_f64(),
            "before": before,
            "after": rows::anonymous_memory()?,
        }))
    }

    fn fill(&mut self, command: &Value) -> Result<Value> {
        let (directory, file) = (path(command, "path")?, path(command, "rows")?);
        let began = Instant::now();
        self.durable = Some(Durable::fill(directory, file, number(command, "count")?)?);
        Ok(json!({ "seconds": began.elapsed().as_secs_f64() }))
    }
}

fn text<'a>(command: &'a Value, name: &str) -> Result<&'a str> {
    Ok(command[name].as_str().ok_or_else(|| format!("the command has no {name}"))?)
}

fn path<'a>(command: &'a Value, name: &str) -> Result<&'a Path> {
    Ok(Path::new(text(command, name)?))
}

fn number(command: &Value, name: &str) -> Result<usize> {
    let number = command[name].as_u64().ok_or_else(|| format!("the command has no {name}"))?;
    Ok(number.try_into()?)
}

fn numbers(command: &Value, name: &str) -> Result<Vec<usize>> {
    let numbers = command[name].as_array().ok_or_else(|| format!("the command has no {name}"))?;
    numbers.iter().map(|it| Ok(it.as_u64().ok_or("not a number")?.try_into()?)).collect()
}
