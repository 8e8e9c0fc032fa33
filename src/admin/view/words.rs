//! AWS's words in a view: values that code compares, written as AWS writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::{Display, EnumString, IntoStaticStr};

/// A word from a closed list. The two ends of the control socket may be of different versions, so a word that this
/// version does not know is kept as it is: it equals nothing that this version knows, and is shown as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word<T> {
    /// One of the list.
    Known(T),
    /// Another version's.
    Other(String),
}

impl<T: Copy> Word<T> {
    /// The value, if this version knows it.
    pub fn known(&self) -> Option<T> {
        match self {
            Self::Known(value) => Some(*value),
            Self::Other(_) => None,
        }
    }
}

impl<T: Copy + Into<&'static str>> Word<T> {
    /// As AWS writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(value) => (*value).into(),
            Self::Other(word) => word,
        }
    }
}

impl<T> From<T> for Word<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

/// In a view that is not filled in: no word.
impl<T> Default for Word<T> {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl<T: PartialEq> PartialEq<T> for Word<T> {
    fn eq(&self, other: &T) -> bool {
        matches!(self, Self::Known(value) if value == other)
    }
}

impl<T: Copy + Into<&'static str>> fmt::Display for Word<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<T: Copy + Into<&'static str>> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, T: FromStr> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Ok(word.parse().map_or_else(|_| Self::Other(word), Self::Known))
    }
}

/// `Protocol` of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "UPPERCASE")]
pub enum Protocol {
    /// Without TLS.
    Http,
    /// With it.
    Https,
}

/// How far an image is. AWS has no word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "UPPERCASE")]
pub enum ImageStatus {
    /// Nothing has been done for it yet.
    Waiting,
    /// It is being built.
    Building,
    /// It is being pulled.
    Pulling,
    /// It is there.
    Ready,
    /// It could not be built or pulled.
    Failed,
}

/// `status` of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "UPPERCASE")]
pub enum DeploymentStatus {
    /// The newest one.
    Primary,
    /// An earlier one that still has tasks.
    Active,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::task::TaskStatus;

    #[test]
    fn a_word_is_read_as_it_was_written() {
        let read: Word<TaskStatus> = serde_json::from_str("\"RUNNING\"").unwrap();
        assert_eq!(read, TaskStatus::Running);
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"RUNNING\"");
    }

    #[test]
    fn a_word_of_another_version_is_kept_and_equals_nothing_known() {
        let read: Word<TaskStatus> = serde_json::from_str("\"DELETED\"").unwrap();
        assert_eq!((read.known(), read.as_str()), (None, "DELETED"));
        assert_ne!(read, TaskStatus::Stopped);
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"DELETED\"");
    }
}
