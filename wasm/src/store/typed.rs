//! The typed stores of an open store: its workspace and its gateway.
//!
//! Every call of theirs goes through one function, by name and with JSON for its arguments and its
//! result, because a function of the module for each would cost more than it saves. What
//! TypeScript cannot say in JSON, the vectors, has functions of its own.

mod gateway;
mod hybrid;
mod workspace;

use std::cell::RefCell;
use std::sync::Arc;

use js_sys::{Array, Float64Array};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sigil_core::{
    Batch, Digest, Error, ErrorKind, ExtractedFact, MEMORY_COLLECTION, Message, Metric, Page,
    Result, SqlGateway, SqlWorkspace, Store, StoreAccess, WorkspaceOptions,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::WasmStore;
use crate::convert::TextEncoder;
use crate::error::JsResult;
use crate::host::JsHost;

/// The id of a workspace that is made without one.
const ID_DEFAULT: &str = "default";

/// Stands for the store between two calls; each call brings the store itself.
#[derive(Debug)]
struct Away;

impl StoreAccess for Away {
    fn with<T>(&self, _: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        Err(Error::new(ErrorKind::Engine, "a typed store was called without its store"))
    }
}

/// What was opened in a store.
#[derive(Debug, Default)]
pub(super) struct Typed {
    workspace: RefCell<Option<SqlWorkspace<Away>>>,
    gateway: RefCell<Option<SqlGateway<Away>>>,
}

impl Typed {
    fn workspace<'a>(&self, store: &'a Store) -> Result<SqlWorkspace<&'a Store>> {
        let workspace = self.workspace.borrow();
        workspace.as_ref().map(|found| found.with_access(store)).ok_or_else(not_open)
    }

    fn gateway<'a>(&self, store: &'a Store) -> Result<SqlGateway<&'a Store>> {
        let gateway = self.gateway.borrow();
        gateway.as_ref().map(|found| found.with_access(store)).ok_or_else(not_open)
    }
}

fn not_open() -> Error {
    Error::invalid("neither workspace nor gateway was opened in this store")
}

/// How the TypeScript opens a workspace: what is left out is as the store has it, or the default.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Wanted {
    id: Option<String>,
    dimensions: Option<usize>,
    metric: Option<String>,
}

/// A workspace as JavaScript sees it.
#[derive(Debug, Serialize)]
struct Opened<'a> {
    id: &'a str,
    collection: &'static str,
    dimensions: usize,
    metric: &'static str,
}

#[wasm_bindgen]
impl WasmStore {
    /// Opens the workspace of the store, making it when there is none; gives its id and the
    /// collection of its vectors.
    ///
    /// # Errors
    /// As [`SqlWorkspace::open`].
    #[wasm_bindgen(js_name = openWorkspace)]
    pub fn open_workspace(&self, wanted: JsValue) -> JsResult<JsValue> {
        let (id, options) = self.throwing(|store| {
            let wanted: Wanted = serde_wasm_bindgen::from_value(wanted)
                .map_err(|error| Error::invalid(format!("the options of a workspace: {error}")))?;
            let metric = wanted.metric.as_deref().map(Metric::parse).transpose()?;
            let (id, made) = SqlWorkspace::find(&store)?
                .unwrap_or_else(|| (ID_DEFAULT.to_owned(), WorkspaceOptions::default()));
            let id = wanted.id.unwrap_or(id);
            let options = WorkspaceOptions {
                dimensions: wanted.dimensions.unwrap_or(made.dimensions),
                metric: metric.unwrap_or(made.metric),
            };
            let opened = SqlWorkspace::open(store, Arc::new(JsHost), &id, options)?;
            *self.typed.workspace.borrow_mut() = Some(opened.with_access(Away));
            Ok((id, options))
        })?;
        Ok(serde_wasm_bindgen::to_value(&Opened {
            id: &id,
            collection: MEMORY_COLLECTION,
            dimensions: options.dimensions,
            metric: options.metric.as_str(),
        })?)
    }

    /// Opens the gateway of the store, making it when there is none.
    ///
    /// # Errors
    /// As [`SqlGateway::open`].
    #[wasm_bindgen(js_name = openGateway)]
    pub fn open_gateway(&self) -> JsResult<()> {
        self.throwing(|store| {
            let opened = SqlGateway::open(store, Arc::new(JsHost))?;
            *self.typed.gateway.borrow_mut() = Some(opened.with_access(Away));
            Ok(())
        })
    }

    /// Calls a method of the workspace or the gateway: `args` is a JSON array; the result is an
    /// [`Answer`], or `undefined` where there is none.
    ///
    /// # Errors
    /// Those of the method, and `invalid-input` for arguments that it does not take.
    pub fn call(&self, method: &str, args: &str) -> JsResult<Option<Array>> {
        let answer = self.throwing(|store| {
            let args = Args { method, json: args };
            let (part, call) = method.split_once('.').unwrap_or((method, ""));
            match part {
                "users" | "pairings" | "audit" | "gateway" => {
                    gateway::call(&self.typed.gateway(store)?, part, call, &args)
                }
                _ => workspace::call(&self.typed.workspace(store)?, part, call, &args),
            }
        })?;
        Ok(answer.map(Answer::finish))
    }

    /// Commits a pass of compaction: `batch` are the messages that `compaction.take` gave, `digest`
    /// the summary's text and the facts, both JSON.
    ///
    /// # Errors
    /// As [`Batch::commit`].
    #[wasm_bindgen(js_name = commitBatch)]
    pub fn commit_batch(
        &self,
        batch: &str,
        digest: &str,
        vector: Vec<f32>,
    ) -> JsResult<Option<Array>> {
        let answer = self.throwing(|store| {
            let read = |json| Args { method: "compaction.commit", json };
            let messages: Vec<Message> = read(batch).parse()?;
            let (summary, facts): (String, Vec<ExtractedFact>) = read(digest).parse()?;
            let workspace = self.typed.workspace(store)?;
            let digest = Digest { summary, vector, facts };
            answer(&Batch::of(messages)?.commit(&workspace, &digest)?)
        })?;
        Ok(answer.map(Answer::finish))
    }
}

/// What a call gives, if anything.
type Answered = Result<Option<Answer>>;

/// A result on its way out: JSON, in which messages are without their content where that is in
/// `contents`, one after another. Most of what is read is content, which JSON would take longer to
/// escape and to parse than the database to find.
struct Answer {
    json: String,
    contents: Option<(TextEncoder, Vec<f64>)>,
}

impl Answer {
    /// `[json]` or `[json, contents, the length of each]`.
    fn finish(self) -> Array {
        let json = JsValue::from_str(&self.json);
        match self.contents {
            None => Array::of1(&json),
            Some((texts, lengths)) => {
                let lengths = Float64Array::from(lengths.as_slice());
                Array::of3(&json, &texts.finish(), &lengths)
            }
        }
    }
}

/// The arguments of a call.
struct Args<'a> {
    method: &'a str,
    json: &'a str,
}

impl Args<'_> {
    fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(self.json).map_err(|error| {
            let error = error.to_string();
            // Where in the JSON it is says nothing to who has never seen it.
            let what = error.split(" at line ").next().unwrap_or_default();
            Error::invalid(format!("the arguments of {}: {what}", self.method))
        })
    }

    /// The only argument.
    fn one<T: DeserializeOwned>(&self) -> Result<T> {
        let (argument,) = self.parse()?;
        Ok(argument)
    }

    fn unknown(&self) -> Answered {
        Err(Error::invalid(format!("there is no method {}", self.method)))
    }
}

fn answer(value: &impl Serialize) -> Answered {
    Ok(Some(Answer { json: to_json(value)?, contents: None }))
}

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::invalid(format!("a result cannot be written as JSON: {error}")))
}

/// An answer with messages that were read.
fn answer_messages(mut messages: Vec<Message>) -> Answered {
    let contents = take_contents(&mut messages);
    Ok(Some(Answer { json: to_json(&messages)?, contents: Some(contents) }))
}

/// An answer with a page of messages that were read.
fn answer_page(mut page: Page<Message>) -> Answered {
    let contents = take_contents(&mut page.items);
    Ok(Some(Answer { json: to_json(&page)?, contents: Some(contents) }))
}

/// An answer with messages that were stored: the caller has their content.
fn answer_stored(mut messages: Vec<Message>) -> Answered {
    messages.iter_mut().for_each(|message| message.content.clear());
    answer(&messages)
}

fn take_contents(messages: &mut [Message]) -> (TextEncoder, Vec<f64>) {
    let mut texts = TextEncoder::default();
    let push = |message: &mut Message| texts.push(&std::mem::take(&mut message.content));
    let lengths = messages.iter_mut().map(push).collect();
    (texts, lengths)
}
