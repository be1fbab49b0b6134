//! SQL values on their way to and from JavaScript.

use js_sys::{Array, BigInt, BigInt64Array, Float64Array, JsString, Object, Uint8Array};
use sigil_core::{Error, Params, Result, RowRef, Value, ValueRef};
use wasm_bindgen::{JsCast, JsValue};

/// The largest whole number n such that n and n + 1 are both exact in a double.
pub(crate) const SAFE_INTEGER_MAX: i64 = (1 << 53) - 1;

/// The parameters that JavaScript gave: nothing, an array, or an object of named values.
///
/// # Errors
/// `InvalidInput`, naming the parameter.
pub(crate) fn params_from_js(params: &JsValue) -> Result<Params> {
    if params.is_undefined() || params.is_null() {
        return Ok(Params::None);
    }
    if let Some(values) = params.dyn_ref::<Array>() {
        let mut positional = Vec::with_capacity(values.length() as usize);
        for index in 0..values.length() {
            let value = value_from_js(&values.get(index), || format!("parameter {}", index + 1))?;
            positional.push(value);
        }
        return Ok(Params::Positional(positional));
    }
    if !params.is_object() || params.is_instance_of::<Uint8Array>() {
        return Err(Error::invalid(
            "the parameters of a statement are an array of values, or an object of named ones",
        ));
    }
    let mut named = Vec::new();
    for entry in Object::entries(params.unchecked_ref::<Object>()).iter() {
        let entry: Array = entry.unchecked_into();
        let name = entry.get(0).as_string().unwrap_or_default();
        let value = value_from_js(&entry.get(1), || format!("the parameter '{name}'"))?;
        named.push((name, value));
    }
    Ok(Params::Named(named))
}

fn value_from_js(value: &JsValue, what: impl Fn() -> String) -> Result<Value> {
    if let Some(number) = value.as_f64() {
        return Ok(number_value(number));
    }
    if let Some(text) = value.as_string() {
        // Half a surrogate pair arrives as U+FFFD: only text that has one needs a second look.
        if text.contains('\u{fffd}') && !value.unchecked_ref::<JsString>().is_valid_utf16() {
            return Err(Error::invalid(format!(
                "{} holds half a surrogate pair, which no UTF-8 text can hold",
                what()
            )));
        }
        return Ok(Value::Text(text));
    }
    if value.is_null() {
        return Ok(Value::Null);
    }
    if let Some(truth) = value.as_bool() {
        return Ok(Value::from(truth));
    }
    if let Some(bytes) = value.dyn_ref::<Uint8Array>() {
        return Ok(Value::Blob(bytes.to_vec()));
    }
    if value.is_bigint() {
        return i64::try_from(BigInt::unchecked_from_js(value.clone()))
            .map(Value::Integer)
            .map_err(|_| Error::invalid(format!("{} does not fit in 64 bits", what())));
    }
    let advice = match value.is_undefined() {
        true => "is undefined: give null for NULL",
        false => {
            "is no SQL value: give null, a boolean, a number, a bigint, a string or a Uint8Array"
        }
    };
    Err(Error::invalid(format!("{} {advice}", what())))
}

#[expect(clippy::cast_possible_truncation, reason = "only for whole numbers within 53 bits")]
fn number_value(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() <= SAFE_INTEGER_MAX as f64 {
        return Value::Integer(number as i64);
    }
    Value::Real(number)
}

/// What a cell holds; the numbers are known to ts/rows.ts.
mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const NUMBER: u8 = 1;
    pub(super) const BIGINT: u8 = 2;
    pub(super) const TEXT: u8 = 3;
    pub(super) const BLOB: u8 = 4;
}

/// How much text is handed over as one JavaScript string. An engine may keep the whole of it alive
/// for a cell cut out of it, so it is not much.
const TEXT_CHUNK_BYTES: usize = 16 << 10;

/// Texts, handed over many at a time: a JavaScript string for each would cost more.
#[derive(Default)]
pub(crate) struct TextEncoder {
    text: String,
    texts: Array,
}

impl TextEncoder {
    /// Adds a text, and gives its length in UTF-16 units.
    pub(crate) fn push(&mut self, value: &str) -> f64 {
        let units = match value.is_ascii() {
            true => value.len(),
            false => value.chars().map(char::len_utf16).sum(),
        };
        self.text.push_str(value);
        if self.text.len() >= TEXT_CHUNK_BYTES {
            self.end_chunk();
        }
        units as f64
    }

    fn end_chunk(&mut self) {
        self.texts.push(&JsValue::from_str(&self.text));
        self.text.clear();
    }

    /// The texts one after another, in strings that end where one of them does.
    pub(crate) fn finish(mut self) -> Array {
        self.end_chunk();
        self.texts
    }
}

/// The rows of a result, column by kind rather than cell by cell: a call into JavaScript for each
/// of them would cost more than the query.
///
/// Cells are in row order. `numbers` has the value of each number, and the length of each text (in
/// UTF-16 units) and blob (in bytes), in their order among the cells.
#[derive(Default)]
pub(crate) struct RowEncoder {
    tags: Vec<u8>,
    numbers: Vec<f64>,
    bigints: Vec<i64>,
    texts: TextEncoder,
    blobs: Vec<u8>,
}

impl RowEncoder {
    pub(crate) fn push_row(&mut self, row: RowRef<'_>) {
        for index in 0..row.len() {
            self.push(row.value(index));
        }
    }

    fn push(&mut self, value: ValueRef<'_>) {
        let tag = match value {
            ValueRef::Null => tag::NULL,
            ValueRef::Integer(value) if value.abs_diff(0) <= SAFE_INTEGER_MAX as u64 => {
                self.numbers.push(value as f64);
                tag::NUMBER
            }
            ValueRef::Integer(value) => {
                self.bigints.push(value);
                tag::BIGINT
            }
            ValueRef::Real(value) => {
                self.numbers.push(value);
                tag::NUMBER
            }
            ValueRef::Text(value) => {
                self.numbers.push(self.texts.push(value));
                tag::TEXT
            }
            ValueRef::Blob(value) => {
                self.numbers.push(value.len() as f64);
                self.blobs.extend_from_slice(value);
                tag::BLOB
            }
        };
        self.tags.push(tag);
    }

    /// `[columns, tags, numbers, bigints, texts, blobs]`.
    pub(crate) fn finish(self, columns: &[String]) -> Array {
        let columns: Array = columns.iter().map(|name| JsValue::from_str(name)).collect();
        let parts: [JsValue; 6] = [
            columns.into(),
            Uint8Array::from(self.tags.as_slice()).into(),
            Float64Array::from(self.numbers.as_slice()).into(),
            BigInt64Array::from(self.bigints.as_slice()).into(),
            self.texts.finish().into(),
            Uint8Array::from(self.blobs.as_slice()).into(),
        ];
        parts.into_iter().collect()
    }
}
