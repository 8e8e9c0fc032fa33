//! What exactly is wrong with a text that a violation is about.

use std::fmt;

/// What a name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// A load balancer.
    LoadBalancer,
    /// A target group.
    TargetGroup,
}

impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LoadBalancer => "load balancer",
            Self::TargetGroup => "target group",
        })
    }
}

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameProblem {
    /// It is empty.
    Empty,
    /// It has more than 32 characters.
    TooLong,
    /// It has characters other than letters, digits and hyphens.
    Characters,
    /// It begins or ends with a hyphen.
    Hyphen,
    /// It begins with `internal-`, which AWS puts in front of names.
    Internal,
}

/// Why a value of a condition is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueProblem {
    /// It is empty.
    Empty,
    /// It has too many characters.
    TooLong {
        /// The limit.
        most: usize,
    },
    /// It has a character that its field does not take.
    Character {
        /// That character.
        letter: char,
        /// Its place, in bytes.
        at: usize,
    },
    /// It is no pattern for host names.
    NoHost,
    /// An http-header condition cannot look at `Host`.
    HostHeader,
    /// No client has the broadcast address.
    Broadcast,
    /// A regular expression that does not compile.
    Regex(String),
}

/// Why an attribute is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeProblem {
    /// There is no such key.
    Unknown {
        /// `Load balancer`, `Listener` or `Target group`.
        of: &'static str,
        /// That key.
        key: String,
    },
    /// The value is no number.
    NotANumber {
        /// The attribute.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// The value is none of some words.
    NotOneOf {
        /// The attribute.
        key: &'static str,
        /// Its value.
        value: String,
        /// The words.
        words: Vec<&'static str>,
    },
    /// There is no value, although another attribute is on.
    Missing {
        /// The attribute.
        key: &'static str,
        /// The other one.
        with: &'static str,
    },
}

impl fmt::Display for AttributeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { of, key } => write!(f, "{of} attribute key '{key}' is not recognized"),
            Self::NotANumber { key, value } => write!(f, "'{key}' value '{value}' must be a number"),
            Self::NotOneOf { key, value, words } => {
                write!(f, "'{key}' value '{value}' must be one of [{}]", words.join(", "))
            }
            Self::Missing { key, with } => write!(f, "'{key}' must be specified if '{with}' is 'true'"),
        }
    }
}

/// A part of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectPart {
    /// `Protocol`
    Protocol,
    /// `Host`
    Host,
    /// `Port`
    Port,
    /// `Path`
    Path,
    /// `Query`
    Query,
}

impl RedirectPart {
    /// The keywords that may stand in it.
    pub fn keywords(self) -> &'static [&'static str] {
        match self {
            Self::Protocol => &["protocol"],
            Self::Host => &["host"],
            Self::Port => &["port"],
            Self::Path => &["host", "port", "path"],
            Self::Query => &["protocol", "host", "port", "path", "query"],
        }
    }
}

impl fmt::Display for RedirectPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Protocol => "protocol",
            Self::Host => "host",
            Self::Port => "port",
            Self::Path => "path",
            Self::Query => "query",
        })
    }
}

/// Why a part of a redirect is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectProblem {
    /// Neither `HTTP` nor `HTTPS` nor the keyword.
    Protocol,
    /// Neither a port nor the keyword.
    Port,
    /// It has too few or too many characters.
    Length {
        /// The lowest number.
        least: usize,
        /// The highest number.
        most: usize,
        /// Its own.
        count: usize,
    },
    /// The path does not begin with a slash.
    NoSlash,
    /// The query begins with the question mark that precedes it.
    QuestionMark,
    /// The host is more than a name.
    NotAName,
    /// A keyword does not end.
    Unclosed,
    /// A keyword that this part does not take.
    Keyword(String),
}
