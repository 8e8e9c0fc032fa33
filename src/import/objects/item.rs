//! A value of an object, with where it comes from.

use serde_json::Number;

use super::place::Place;

/// A value, its origin and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The value.
    pub value: Value,
    /// Who says so.
    pub origin: Origin,
    /// Where it stands.
    pub place: Place,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: as good as absent.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text; in the place of a link, an ARN, an id or a name.
    Text(String),
    /// What refers to another object.
    Link(Link),
    /// A list.
    List(Vec<Item>),
    /// Keys and values, in the order of the source.
    Map(Vec<(String, Item)>),
}

/// A reference to another object that is no literal text in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// The object with this [`key`](super::object::Object::key).
    Resource(String),
    /// Something outside of the sources.
    External(String),
    /// The source does not say which: never guessed.
    Refused {
        /// Why, as the end of a sentence: `the block is dynamic`.
        why: String,
        /// Keys of the objects that it may be.
        candidates: Vec<String>,
    },
}

/// Who says that a value is what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The source.
    #[default]
    Known,
    /// A default that the source does not state: of Terraform's provider, of AWS.
    Default(String),
    /// Assumed, and why.
    Assumed(String),
    /// Not known before the source is applied, and what it may be.
    Unknown {
        /// Why.
        why: String,
        /// What it may be.
        candidates: Vec<String>,
    },
    /// The source marks it as a secret: its value is in the item only so that equality can be told. It is never written.
    Sensitive,
}

impl Item {
    /// A value that the source states.
    pub fn known(value: Value, place: Place) -> Self {
        Self { value, origin: Origin::Known, place }
    }

    /// Text that the source states.
    pub fn text(text: impl Into<String>, place: &Place) -> Self {
        Self::known(Value::Text(text.into()), place.clone())
    }

    /// A map that the source states.
    pub fn map(place: &Place) -> Self {
        Self::known(Value::Map(Vec::new()), place.clone())
    }

    /// JSON as it stands in the source, with the place of each part.
    pub fn from_json(json: serde_json::Value, place: &Place) -> Self {
        use serde_json::Value as Json;
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(yes) => Value::Bool(yes),
            Json::Number(number) => Value::Number(number),
            Json::String(text) => Value::Text(text),
            Json::Array(items) => {
                let items = items.into_iter().enumerate();
                Value::List(items.map(|(at, item)| Self::from_json(item, &place.index(at))).collect())
            }
            Json::Object(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| {
                        let place = place.key(&key);
                        (key, Self::from_json(value, &place))
                    })
                    .collect(),
            ),
        };
        Self::known(value, place.clone())
    }

    /// The value of a key; absent, null and empty text count as not given.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|(known, item)| known == key && item.is_given()).map(|(_, item)| item)
    }

    /// The value at a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |item, key| item.get(key))
    }

    /// Adds or replaces a key of a map.
    pub fn put(&mut self, key: &str, item: Self) {
        let Value::Map(entries) = &mut self.value else { return };
        match entries.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = item,
            None => entries.push((key.to_owned(), item)),
        }
    }

    /// Its elements, if it is a list.
    pub fn list(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Its entries, if it is a map.
    pub fn entries(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Its text: numbers and booleans also have one, because tools write them either way.
    pub fn as_text(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Bool(yes) => Some(yes.to_string()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// Whether it says yes, as a boolean or in words.
    pub fn as_bool(&self) -> Option<bool> {
        match self.as_text()?.as_str() {
            "true" | "True" => Some(true),
            "false" | "False" => Some(false),
            _ => None,
        }
    }

    /// Its number, also if it is written as text or with a decimal point.
    pub fn as_number(&self) -> Option<u64> {
        let text = self.as_text()?;
        text.strip_suffix(".0").unwrap_or(&text).parse().ok()
    }

    /// Whether there is a value: sources write nothing as null, `""` and `[]`.
    pub fn is_given(&self) -> bool {
        match &self.value {
            Value::Null => matches!(self.origin, Origin::Unknown { .. }),
            Value::Text(text) => !text.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Map(_) | Value::Bool(_) | Value::Number(_) | Value::Link(_) => true,
        }
    }

    /// Whether the source marks it as a secret.
    pub fn is_sensitive(&self) -> bool {
        self.origin == Origin::Sensitive
    }
}
