//! Values, and the casts between them.

use std::sync::Arc;

/// A value of an expression or a context.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// `null`, and whatever is not there.
    #[default]
    Null,
    /// `true` and `false`.
    Bool(bool),
    /// Any number.
    Number(f64),
    /// Text.
    Text(String),
    /// An array. Two are equal only if they are the same instance, hence shared.
    List(Arc<Vec<Value>>),
    /// An object; likewise.
    Map(Arc<Map>),
}

/// An object: its members in order.
#[derive(Clone, Debug, Default)]
pub struct Map {
    entries: Vec<(String, Value)>,
    /// Whether the case of names counts: it does in `env` on Linux, and nowhere else.
    exact: bool,
}

impl Map {
    /// With names whose case does not count.
    pub fn new(entries: Vec<(String, Value)>) -> Self {
        Self { entries, exact: false }
    }

    /// With names whose case counts.
    pub fn exact(entries: Vec<(String, Value)>) -> Self {
        Self { entries, exact: true }
    }

    /// The member of that name. Of two, the later one.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let is_it = |known: &str| if self.exact { known == name } else { known.eq_ignore_ascii_case(name) };
        self.entries.iter().rev().find(|(known, _)| is_it(known)).map(|(_, value)| value)
    }

    /// Every member.
    pub fn entries(&self) -> &[(String, Value)] {
        &self.entries
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl Value {
    /// An object.
    pub fn map<N: Into<String>>(entries: impl IntoIterator<Item = (N, Value)>) -> Self {
        Self::Map(Arc::new(Map::new(entries.into_iter().map(|(name, value)| (name.into(), value)).collect())))
    }

    /// An object of texts.
    pub fn texts<'t>(entries: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        Self::map(entries.into_iter().map(|(name, value)| (name, Self::from(value))))
    }

    /// An array.
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(items))
    }

    /// A member of an object by its name, an item of an array by its number; `null` where there is none.
    pub fn index(&self, key: &Self) -> Option<&Self> {
        match self {
            Self::Map(map) if key.is_primitive() => map.get(&key.to_text()),
            Self::List(items) => {
                let at = key.to_number().floor();
                let inside = key.is_primitive() && at >= 0.0 && at < items.len() as f64;
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is inside of the list")]
                let at = at as usize;
                if inside { items.get(at) } else { None }
            }
            _ => None,
        }
    }

    /// Whether it is neither an array nor an object.
    pub fn is_primitive(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Map(_))
    }

    /// "falsy values (false, 0, -0, "", '', null) are coerced to false"; NaN also is.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Number(number) => *number != 0.0 && !number.is_nan(),
            Self::Text(text) => !text.is_empty(),
            Self::List(_) | Self::Map(_) => true,
        }
    }

    /// As a number: "Parsed from any legal JSON number format, otherwise NaN. Note: empty string returns 0."
    pub fn to_number(&self) -> f64 {
        match self {
            Self::Null => 0.0,
            Self::Bool(value) => f64::from(u8::from(*value)),
            Self::Number(number) => *number,
            Self::Text(text) => number(text.trim()),
            Self::List(_) | Self::Map(_) => f64::NAN,
        }
    }

    /// As text. Arrays and objects "are not converted": GitHub puts the word for their type.
    pub fn to_text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => shown(*number),
            Self::Text(text) => text.clone(),
            Self::List(_) => "Array".to_owned(),
            Self::Map(_) => "Object".to_owned(),
        }
    }

    /// Loose equality.
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Text(left), Self::Text(right)) => left.to_lowercase() == right.to_lowercase(),
            (Self::List(left), Self::List(right)) => Arc::ptr_eq(left, right),
            (Self::Map(left), Self::Map(right)) => Arc::ptr_eq(left, right),
            (left, right) => left.to_number() == right.to_number(),
        }
    }

    /// Their order, where there is one: texts by their upper-case characters, anything else as numbers.
    pub fn compare(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => Some(left.to_uppercase().cmp(&right.to_uppercase())),
            (left, right) => left.to_number().partial_cmp(&right.to_number()),
        }
    }
}

/// A number as JSON writes it, and hexadecimal and octal ones; NaN for anything else.
pub(super) fn number(text: &str) -> f64 {
    let whole = |digits: &str, radix| u32::from_str_radix(digits, radix).map_or(f64::NAN, f64::from);
    let starts_as_one = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    match text {
        "" => 0.0,
        "Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ if text.starts_with("0x") => whole(&text[2..], 16),
        _ if text.starts_with("0o") => whole(&text[2..], 8),
        _ if starts_as_one && !text.contains(|c: char| c.is_alphabetic() && !"eE".contains(c)) => {
            text.parse().unwrap_or(f64::NAN)
        }
        _ => f64::NAN,
    }
}

/// "Decimal format, exponential for large numbers": at most 15 digits, as .NET's `G15` writes them.
fn shown(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{number:.14e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    if !(-5..15).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{trimmed}E{sign}{:02}", exponent.abs());
    }
    let decimals = usize::try_from(14 - exponent).unwrap_or(0);
    let plain = format!("{number:.decimals$}");
    if plain.contains('.') { plain.trim_end_matches('0').trim_end_matches('.').to_owned() } else { plain }
}
