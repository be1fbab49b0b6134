//! The binary form of metadata: a tagged enum, read with a bound on its depth.
//!
//! A derived reader would recurse as deep as the bytes say and overflow the stack; this one
//! carries the depth that is left along, as a seed.

use std::fmt;

use serde::de::{
    DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::{Deserialize, Deserializer, Serializer};

use super::{MetaValue, Metadata};

const NAME: &str = "MetaValue";
const VARIANTS: &[&str] = &["Null", "Bool", "Int", "Float", "Text", "Array", "Object"];

/// Writes `value` as variant number and content.
pub(super) fn serialize_tagged<S: Serializer>(
    value: &MetaValue,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        MetaValue::Null => serializer.serialize_unit_variant(NAME, 0, "Null"),
        MetaValue::Bool(value) => serializer.serialize_newtype_variant(NAME, 1, "Bool", value),
        MetaValue::Int(value) => serializer.serialize_newtype_variant(NAME, 2, "Int", value),
        MetaValue::Float(value) => serializer.serialize_newtype_variant(NAME, 3, "Float", value),
        MetaValue::Text(text) => serializer.serialize_newtype_variant(NAME, 4, "Text", &**text),
        MetaValue::Array(items) => serializer.serialize_newtype_variant(NAME, 5, "Array", &**items),
        MetaValue::Object(object) => {
            serializer.serialize_newtype_variant(NAME, 6, "Object", object)
        }
    }
}

/// Reads a whole metadata object, within [`Metadata::DEPTH_MAX`].
pub(super) fn metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Metadata, D::Error> {
    ObjectSeed { depth_left: Metadata::DEPTH_MAX }.deserialize(deserializer)
}

impl<'de> Deserialize<'de> for MetaValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<MetaValue, D::Error> {
        if deserializer.is_human_readable() {
            let value = serde_json::Value::deserialize(deserializer)?;
            return MetaValue::from_json(&value, Metadata::DEPTH_MAX).map_err(D::Error::custom);
        }
        ValueSeed { depth_left: Metadata::DEPTH_MAX }.deserialize(deserializer)
    }
}

fn deeper<E: serde::de::Error>(depth_left: usize) -> Result<usize, E> {
    depth_left.checked_sub(1).ok_or_else(|| E::custom("metadata nests too deep"))
}

#[derive(Clone, Copy)]
struct ValueSeed {
    depth_left: usize,
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = MetaValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<MetaValue, D::Error> {
        deserializer.deserialize_enum(NAME, VARIANTS, self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = MetaValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a metadata value")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<MetaValue, A::Error> {
        let (variant, content) = access.variant::<u32>()?;
        Ok(match variant {
            0 => {
                content.unit_variant()?;
                MetaValue::Null
            }
            1 => MetaValue::Bool(content.newtype_variant()?),
            2 => MetaValue::Int(content.newtype_variant()?),
            3 => {
                let value: f64 = content.newtype_variant()?;
                if !value.is_finite() {
                    return Err(A::Error::custom("a float in the metadata is not finite"));
                }
                MetaValue::Float(value)
            }
            4 => MetaValue::Text(content.newtype_variant()?),
            5 => MetaValue::Array(
                content.newtype_variant_seed(ArraySeed { depth_left: self.depth_left })?,
            ),
            6 => MetaValue::Object(
                content.newtype_variant_seed(ObjectSeed { depth_left: self.depth_left })?,
            ),
            _ => return Err(A::Error::custom(format!("no metadata type has the code {variant}"))),
        })
    }
}

struct ArraySeed {
    depth_left: usize,
}

impl<'de> DeserializeSeed<'de> for ArraySeed {
    type Value = Box<[MetaValue]>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ArraySeed {
    type Value = Box<[MetaValue]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let seed = ValueSeed { depth_left: deeper(self.depth_left)? };
        // Grows with what is really there: the stated length is not trusted.
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(seed)? {
            items.push(item);
        }
        Ok(items.into_boxed_slice())
    }
}

struct ObjectSeed {
    depth_left: usize,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed {
    type Value = Metadata;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Metadata, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed {
    type Value = Metadata;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Metadata, A::Error> {
        let seed = ValueSeed { depth_left: deeper(self.depth_left)? };
        // The stated length is trusted only as far as it saves growing and shrinking again.
        let expected = access.size_hint().unwrap_or(0).min(8);
        let mut entries: Vec<(Box<str>, MetaValue)> = Vec::with_capacity(expected);
        while let Some(key) = access.next_key::<Box<str>>()? {
            if entries.last().is_some_and(|(last, _)| *last >= key) {
                return Err(A::Error::custom("the keys of an object are not in order"));
            }
            entries.push((key, access.next_value_seed(seed)?));
        }
        Ok(Metadata { entries: entries.into_boxed_slice() })
    }
}
