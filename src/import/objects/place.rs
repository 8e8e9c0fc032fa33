//! Where something stands in a source.

use std::fmt;
use std::sync::Arc;

/// A place in a source: the file, the object, and the way to the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// The object, as its source calls it: `module.alb.aws_lb.this[0]`, a logical id, an ARN.
    pub address: Arc<str>,
    /// JSON pointer from the object's own fields, or from the file if the object has none: `/condition/0/path_pattern`.
    pub pointer: String,
    /// Line and column from 1, where the reader of the source knows them.
    pub position: Option<(usize, usize)>,
}

impl Place {
    /// The place of an object.
    pub fn of(file: &str, address: &str) -> Self {
        Self { file: file.into(), address: address.into(), pointer: String::new(), position: None }
    }

    /// The place of a key in it.
    pub fn key(&self, key: &str) -> Self {
        let escaped = key.replace('~', "~0").replace('/', "~1");
        Self { pointer: format!("{}/{escaped}", self.pointer), position: None, ..self.clone() }
    }

    /// The place of an element in it.
    pub fn index(&self, index: usize) -> Self {
        self.key(&index.to_string())
    }
}

/// `aws_lb_listener_rule.api /condition/0 (terraform.tfstate)`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if !self.pointer.is_empty() {
            write!(f, " {}", self.pointer)?;
        }
        write!(f, " ({}", self.file)?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ")")
    }
}
