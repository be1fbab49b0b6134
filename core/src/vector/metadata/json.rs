//! Reading metadata from JSON text without a tree in between.
//!
//! What is wrong with a text is not said here: the caller reads it once more, slowly, to find out.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{MetaValue, Metadata};

/// The object that `text` holds; `None` for anything that may not be metadata.
pub(super) fn read(text: &str) -> Option<Metadata> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Json { depth_left: Metadata::DEPTH_MAX }.deserialize(&mut json).ok()?;
    json.end().ok()?;
    match value {
        MetaValue::Object(metadata) => Some(metadata),
        _ => None,
    }
}

#[derive(Clone, Copy)]
struct Json {
    depth_left: usize,
}

impl Json {
    fn deeper<E: Error>(self) -> Result<Json, E> {
        let depth_left = self.depth_left.checked_sub(1);
        Ok(Json { depth_left: depth_left.ok_or_else(|| E::custom("nests too deep"))? })
    }
}

impl<'de> DeserializeSeed<'de> for Json {
    type Value = MetaValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<MetaValue, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Json {
    type Value = MetaValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<MetaValue, E> {
        Ok(MetaValue::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<MetaValue, E> {
        Ok(MetaValue::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<MetaValue, E> {
        Ok(MetaValue::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<MetaValue, E> {
        // Larger ones are told apart by whether a float holds them exactly.
        i64::try_from(value).map(MetaValue::Int).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<MetaValue, E> {
        // An integer past 64 bits comes as a float too, and may not be one exactly.
        const EXACT: f64 = (1u64 << 53) as f64;
        match value.abs() < EXACT {
            true => Ok(MetaValue::Float(value)),
            false => Err(E::custom("perhaps an integer")),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<MetaValue, E> {
        Ok(MetaValue::Text(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<MetaValue, E> {
        Ok(MetaValue::Text(text.into_boxed_str()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<MetaValue, A::Error> {
        let seed = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(seed)? {
            items.push(item);
        }
        Ok(MetaValue::Array(items.into_boxed_slice()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<MetaValue, A::Error> {
        let seed = self.deeper()?;
        let mut entries = Vec::new();
        while let Some(key) = access.next_key::<Box<str>>()? {
            entries.push((key, access.next_value_seed(seed)?));
        }
        Ok(MetaValue::Object(Metadata::from_entries(entries)))
    }
}
