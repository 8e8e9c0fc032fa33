//! The functions of the expression language.

/// A function of GitHub's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `contains`
    Contains,
    /// `startsWith`
    StartsWith,
    /// `endsWith`
    EndsWith,
    /// `format`
    Format,
    /// `join`
    Join,
    /// `toJSON`
    ToJson,
    /// `fromJSON`
    FromJson,
    /// `hashFiles`
    HashFiles,
    /// `case`
    Case,
    /// `success`
    Success,
    /// `failure`
    Failure,
    /// `always`
    Always,
    /// `cancelled`
    Cancelled,
}

/// By name, with the least and the largest number of arguments.
const FUNCTIONS: &[(&str, Function, usize, usize)] = &[
    ("contains", Function::Contains, 2, 2),
    ("startswith", Function::StartsWith, 2, 2),
    ("endswith", Function::EndsWith, 2, 2),
    ("format", Function::Format, 1, 255),
    ("join", Function::Join, 1, 2),
    ("tojson", Function::ToJson, 1, 1),
    ("fromjson", Function::FromJson, 1, 1),
    ("hashfiles", Function::HashFiles, 1, 255),
    ("case", Function::Case, 3, 255),
    ("success", Function::Success, 0, 0),
    ("failure", Function::Failure, 0, 0),
    ("always", Function::Always, 0, 0),
    ("cancelled", Function::Cancelled, 0, 0),
];

/// The function of that name, whose case does not count.
pub(super) fn named(name: &str) -> Option<Function> {
    let name = name.to_lowercase();
    FUNCTIONS.iter().find(|(known, ..)| *known == name).map(|(_, function, ..)| *function)
}

impl Function {
    pub(super) fn arity(self) -> (usize, usize) {
        let known = FUNCTIONS.iter().find(|(_, function, ..)| *function == self);
        known.map_or((0, 0), |(_, _, least, most)| (*least, *most))
    }

    /// Whether it asks for the status of what ran before; only conditions may.
    pub fn is_status(self) -> bool {
        matches!(self, Self::Success | Self::Failure | Self::Always | Self::Cancelled)
    }
}
