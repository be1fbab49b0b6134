//! Errors on their way to and from JavaScript.

use std::fmt;

use js_sys::{Object, Reflect};
use sigil_core::{Error, ErrorKind};
use wasm_bindgen::{JsCast, JsValue};

use crate::held::Held;

/// What a call of the bindings returns.
pub(crate) type JsResult<T> = Result<T, JsValue>;

/// What the host's storage threw, as the source of an [`Error`].
struct Thrown {
    message: String,
    value: Held,
}

impl fmt::Debug for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thrown").field("message", &self.message).finish_non_exhaustive()
    }
}

impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Thrown {}

fn text_at(value: &JsValue, key: &str) -> Option<String> {
    // Only objects have properties to ask for; a getter that throws has none either.
    value.is_object().then(|| Reflect::get(value, &key.into()).ok()?.as_string()).flatten()
}

/// The error for what the host's storage threw: the kind that its `code` names, and its message.
#[cold]
pub(crate) fn from_js(value: JsValue) -> Error {
    let kind = text_at(&value, "code").and_then(|code| ErrorKind::from_code(&code));
    let message = text_at(&value, "message").unwrap_or_else(|| {
        value.as_string().unwrap_or_else(|| "the host's storage failed and did not say why".into())
    });
    let thrown = Thrown { message: message.clone(), value: Held::new(value) };
    Error::with_source(kind.unwrap_or(ErrorKind::Storage), message, thrown)
}

/// What the host's storage threw that led to `error`.
fn thrown_value(error: &Error) -> Option<JsValue> {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(thrown) = error.downcast_ref::<Thrown>() {
            return Some(thrown.value.get());
        }
        source = error.source();
    }
    None
}

/// `error` as the plain object that the TypeScript makes a `SigilError` of.
#[cold]
pub(crate) fn to_js(error: &Error) -> JsValue {
    let object = Object::new();
    let set = |key: &str, value: &JsValue| {
        // A fresh plain object takes every property.
        let _ = Reflect::set(&object, &key.into(), value);
    };
    set("code", &error.kind().code().into());
    set("message", &error.to_string().into());
    if let Some(cause) = thrown_value(error) {
        set("cause", &cause);
    }
    object.unchecked_into()
}

/// Runs `f`, and throws its error.
pub(crate) fn throwing<T>(f: impl FnOnce() -> sigil_core::Result<T>) -> JsResult<T> {
    f().map_err(|error| to_js(&error))
}
