//! The comparisons behind the operators.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::context::Context;
use crate::pattern::Pattern;
use crate::version::Version;

/// What is compared, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    String,
    StringIgnoreCase,
    StringLike,
    Arn,
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    IpAddress,
    /// Whether the key is there.
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value of the policy, ready to be compared.
#[derive(Debug)]
pub(super) enum Expected {
    Pattern(Pattern),
    Text(String),
}

impl Comparison {
    /// By its name in lower case, without prefix and suffix; and whether it is negated.
    pub(super) fn named(name: &str) -> Option<(Self, bool)> {
        Some(match name {
            "stringequals" => (Self::String, false),
            "stringnotequals" => (Self::String, true),
            "stringequalsignorecase" => (Self::StringIgnoreCase, false),
            "stringnotequalsignorecase" => (Self::StringIgnoreCase, true),
            "stringlike" => (Self::StringLike, false),
            "stringnotlike" => (Self::StringLike, true),
            "arnequals" | "arnlike" => (Self::Arn, false),
            "arnnotequals" | "arnnotlike" => (Self::Arn, true),
            "numericequals" => (Self::Numeric(Order::Equal), false),
            "numericnotequals" => (Self::Numeric(Order::Equal), true),
            "numericlessthan" => (Self::Numeric(Order::Less), false),
            "numericlessthanequals" => (Self::Numeric(Order::LessOrEqual), false),
            "numericgreaterthan" => (Self::Numeric(Order::Greater), false),
            "numericgreaterthanequals" => (Self::Numeric(Order::GreaterOrEqual), false),
            "dateequals" => (Self::Date(Order::Equal), false),
            "datenotequals" => (Self::Date(Order::Equal), true),
            "datelessthan" => (Self::Date(Order::Less), false),
            "datelessthanequals" => (Self::Date(Order::LessOrEqual), false),
            "dategreaterthan" => (Self::Date(Order::Greater), false),
            "dategreaterthanequals" => (Self::Date(Order::GreaterOrEqual), false),
            "bool" => (Self::Bool, false),
            "binaryequals" => (Self::Binary, false),
            "ipaddress" => (Self::IpAddress, false),
            "notipaddress" => (Self::IpAddress, true),
            "null" => (Self::Null, false),
            _ => return None,
        })
    }

    /// The policy's values with their variables replaced, where the operator takes variables: strings and ARNs. A value whose
    /// variable has none is left out.
    pub(super) fn prepare(self, values: &[String], version: Version, context: &Context) -> Vec<Expected> {
        match self {
            Self::String | Self::StringIgnoreCase | Self::StringLike | Self::Arn => {
                let patterns = values.iter().filter_map(|value| Pattern::new(value, version, context));
                patterns.map(Expected::Pattern).collect()
            }
            _ => values.iter().cloned().map(Expected::Text).collect(),
        }
    }

    /// Whether a value of the request fits one of the policy.
    pub(super) fn fits(self, expected: &Expected, value: &str) -> bool {
        let expected = match expected {
            Expected::Pattern(pattern) => {
                return match self {
                    Self::StringLike => pattern.matches(value),
                    Self::Arn => pattern.matches_arn(value),
                    Self::StringIgnoreCase => pattern.text().to_lowercase() == value.to_lowercase(),
                    _ => pattern.equals(value),
                };
            }
            Expected::Text(text) => text.as_str(),
        };
        match self {
            Self::Numeric(order) => {
                let numbers = value.trim().parse::<f64>().ok().zip(expected.trim().parse::<f64>().ok());
                numbers.is_some_and(|(value, expected)| order.holds(&value, &expected))
            }
            Self::Date(order) => {
                time(value).zip(time(expected)).is_some_and(|(value, expected)| order.holds(&value, &expected))
            }
            Self::Bool => value.eq_ignore_ascii_case(expected),
            Self::Binary => {
                let bytes = STANDARD.decode(value).ok().zip(STANDARD.decode(expected).ok());
                bytes.is_some_and(|(value, expected)| value == expected)
            }
            Self::IpAddress => value
                .parse::<IpAddr>()
                .ok()
                .zip(network(expected))
                .is_some_and(|(address, network)| network.contains(&address)),
            Self::String | Self::StringIgnoreCase | Self::StringLike | Self::Arn | Self::Null => false,
        }
    }
}

impl Order {
    fn holds<T: PartialOrd>(self, value: &T, expected: &T) -> bool {
        match self {
            Self::Equal => value == expected,
            Self::Less => value < expected,
            Self::LessOrEqual => value <= expected,
            Self::Greater => value > expected,
            Self::GreaterOrEqual => value >= expected,
        }
    }
}

/// A network, or an address as the network of itself.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// ISO 8601 as the W3C's profile has it, or seconds since 1970.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return Timestamp::from_second(seconds).ok();
    }
    let utc = |time: DateTime| time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp());
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| text.trim_end_matches('Z').parse::<DateTime>().ok().and_then(utc))
        .or_else(|| text.parse::<Date>().ok().and_then(|date| utc(date.at(0, 0, 0, 0))))
}
