//! What is known of a request besides its action and resource: condition keys and their values (IAM user guide, "AWS
//! global condition context keys", and the table of each service in the Service Authorization Reference).

use std::collections::BTreeMap;

/// Values by condition key. Names of keys do not depend on case; that of a tag in `aws:RequestTag/NAME` neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// With a key that has one value.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.set(key, value);
        self
    }

    /// Sets a key that has one value.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.0.insert(key.to_ascii_lowercase(), vec![value.into()]);
    }

    /// Sets a key that may have several values.
    pub fn set_all(&mut self, key: &str, values: impl IntoIterator<Item = String>) {
        self.0.insert(key.to_ascii_lowercase(), values.into_iter().collect());
    }

    /// Takes over all keys of another; those win.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The values of a key, if the request has it.
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.0.get(&key.to_ascii_lowercase()).map(Vec::as_slice)
    }

    /// Every key with its values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(key, values)| (key.as_str(), values.as_slice()))
    }
}

impl<K: AsRef<str>> FromIterator<(K, Vec<String>)> for Context {
    fn from_iter<I: IntoIterator<Item = (K, Vec<String>)>>(keys: I) -> Self {
        Self(keys.into_iter().map(|(key, values)| (key.as_ref().to_ascii_lowercase(), values)).collect())
    }
}
