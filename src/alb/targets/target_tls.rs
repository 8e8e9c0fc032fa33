//! Which security policy TLS connections to targets follow: "The security policy for backend connections depends on the
//! listener security policy. If any of your listeners are using …" (ALB user guide, "Security policies", backend
//! connections).

use std::sync::Arc;

/// Security policies towards targets, the weakest family first. A load balancer uses the strongest family that any of
/// its listeners belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(usize)]
pub enum TargetPolicy {
    /// "Other TLS policy". The guide does not say which policy applies without an HTTPS listener; nothing suggests a
    /// different one.
    #[default]
    Other,
    /// "TLS 1.3 policy"
    Tls13,
    /// "Post-quantum TLS policy"
    PostQuantum,
    /// "FIPS policy"
    Fips,
    /// "FIPS post-quantum TLS policy"
    FipsPostQuantum,
    /// "RFC 9151 policy (including any interop policy)"
    Rfc9151,
}

impl TargetPolicy {
    /// In the order of their discriminants.
    pub const ALL: [Self; 6] =
        [Self::Other, Self::Tls13, Self::PostQuantum, Self::Fips, Self::FipsPostQuantum, Self::Rfc9151];

    /// The policy that follows from the security policies of the HTTPS listeners.
    pub fn from_listener_policies<'a>(listener_policies: impl IntoIterator<Item = &'a str>) -> Self {
        listener_policies.into_iter().map(Self::from_family).max().unwrap_or_default()
    }

    /// Families are recognised as in the guide: by words in the policies' names.
    fn from_family(listener_policy: &str) -> Self {
        let has = |word: &str| listener_policy.split('-').any(|part| part == word);
        match (has("RFC9151"), has("FIPS"), has("PQ"), has("TLS13")) {
            (true, ..) => Self::Rfc9151,
            (_, true, true, _) => Self::FipsPostQuantum,
            (_, true, false, _) => Self::Fips,
            (_, false, true, _) => Self::PostQuantum,
            (.., true) => Self::Tls13,
            _ => Self::Other,
        }
    }

    /// Its name in the list of security policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Other => "ELBSecurityPolicy-2016-08",
            Self::Tls13 => "ELBSecurityPolicy-TLS13-1-0-2021-06",
            Self::PostQuantum => "ELBSecurityPolicy-TLS13-1-0-PQ-2025-09",
            Self::Fips => "ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04",
            Self::FipsPostQuantum => "ELBSecurityPolicy-TLS13-1-0-FIPS-PQ-2025-09",
            Self::Rfc9151 => "ELBSecurityPolicy-TLS13-1-2-RFC9151-INTEROP4-FIPS-2023-07",
        }
    }
}

/// A value for each policy, created before any connection needs it.
#[derive(Clone, Debug)]
pub struct PerPolicy<T>(Arc<[T]>);

impl<T> PerPolicy<T> {
    /// Creates the value of each policy, or returns the first error.
    pub fn new<E>(make: impl FnMut(TargetPolicy) -> Result<T, E>) -> Result<Self, E> {
        TargetPolicy::ALL.into_iter().map(make).collect::<Result<_, _>>().map(Self)
    }

    /// Converts each value.
    pub fn map<U>(&self, make: impl FnMut(&T) -> U) -> PerPolicy<U> {
        PerPolicy(self.0.iter().map(make).collect())
    }

    /// The value for a policy.
    pub fn get(&self, policy: TargetPolicy) -> &T {
        &self.0[policy as usize]
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use neargate_fixture as fixture;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        #[expect(dead_code, reason = "for the reader")]
        source: String,
        /// Policies of the HTTPS listeners.
        listeners: Vec<String>,
        targets: String,
    }

    #[test]
    fn connections_to_targets_follow_the_strongest_family_of_any_listener() {
        fixture::each("alb/tls/targets", |case: Case| {
            let policy = TargetPolicy::from_listener_policies(case.listeners.iter().map(String::as_str));
            assert_eq!(policy.name(), case.targets, "{}", case.name);
        });
    }

    #[test]
    fn policies_are_in_the_order_of_their_discriminants() {
        let names = PerPolicy::new(|policy| Ok::<_, ()>(policy.name())).unwrap();
        assert!(TargetPolicy::ALL.iter().all(|policy| *names.get(*policy) == policy.name()));
    }
}
