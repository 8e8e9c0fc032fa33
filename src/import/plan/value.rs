//! A value of a variable, in parts: what stands there, and what has to be set.

/// A text with variables in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Value(pub(crate) Vec<Part>);

/// A part of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// As it is.
    Text(String),
    /// What the environment or `.env` says; with a default it need not be set.
    Variable { name: String, default: Option<String> },
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Self(vec![Part::Text(text.to_owned())])
    }

    pub(super) fn variable(name: &str) -> Self {
        Self(vec![Part::Variable { name: name.to_owned(), default: None }])
    }
}
