//! Sets of client addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Addresses as ranges without overlaps, in ascending order. IPv4 and IPv6 are apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

/// The addresses of documentation (RFC 5737, RFC 3849), which people recognize as examples.
const EXAMPLES: [&str; 4] = ["198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24", "2001:db8::/32"];

impl Addresses {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match network {
                IpNet::V4(net) => v4.push(range4(net)),
                IpNet::V6(net) => v6.push(range6(net)),
            }
        }
        Self { v4: merged(v4), v6: merged(v6) }
    }

    /// Every address that a client can have: an IPv4 address in the form of IPv6 is an IPv4 address.
    pub(crate) fn all() -> Self {
        let mapped = 0xffff_u128 << 32;
        let v6 = vec![(0, mapped - 1), (mapped + (1 << 32), u128::MAX)];
        Self { v4: vec![(0, u128::from(u32::MAX))], v6 }
    }

    pub(crate) fn and(&self, other: &Self) -> Self {
        Self { v4: common(&self.v4, &other.v4), v6: common(&self.v6, &other.v6) }
    }

    pub(crate) fn without(&self, other: &Self) -> Self {
        Self { v4: difference(&self.v4, &other.v4), v6: difference(&self.v6, &other.v6) }
    }

    /// One of them, an example address if there is one.
    pub(crate) fn any(&self) -> Option<IpAddr> {
        let examples = EXAMPLES.iter().filter_map(|text| text.parse().ok()).map(|net| self.and(&Self::new(&[net])));
        // Not the network's own address, which no client has.
        let first = |set: &Self| {
            let host = |(first, last): &(u128, u128)| if first < last { first + 1 } else { *first };
            let v4 = set.v4.first().map(|range| IpAddr::V4(Ipv4Addr::from(host(range) as u32)));
            v4.or_else(|| set.v6.first().map(|range| IpAddr::V6(Ipv6Addr::from(host(range)))))
        };
        examples.filter_map(|set| first(&set)).next().or_else(|| first(self))
    }
}

fn range4(net: &Ipv4Net) -> (u128, u128) {
    (u32::from(net.network()).into(), u32::from(net.broadcast()).into())
}

fn range6(net: &Ipv6Net) -> (u128, u128) {
    (net.network().into(), net.broadcast().into())
}

fn merged(mut ranges: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u128, u128)> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

fn common(one: &[(u128, u128)], other: &[(u128, u128)]) -> Vec<(u128, u128)> {
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (a.0.max(b.0), a.1.min(b.1))));
    pairs.filter(|(first, last)| first <= last).collect()
}

fn difference(from: &[(u128, u128)], taken: &[(u128, u128)]) -> Vec<(u128, u128)> {
    let mut left = Vec::new();
    for &(first, last) in from {
        let mut next = Some(first);
        for &(start, end) in taken.iter().filter(|(start, end)| *start <= last && *end >= first) {
            let Some(at) = next else { break };
            if start > at {
                left.push((at, start - 1));
            }
            next = end.checked_add(1).filter(|next| *next <= last);
        }
        left.extend(next.map(|at| (at, last)));
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(ranges: Vec<(u8, u8)>) -> Addresses {
        let ranges = ranges.into_iter().map(|(a, b)| (u128::from(a.min(b)), u128::from(a.max(b)))).collect();
        Addresses { v4: merged(ranges), v6: Vec::new() }
    }

    fn has(set: &Addresses, number: u8) -> bool {
        set.v4.iter().any(|(first, last)| (*first..=*last).contains(&u128::from(number)))
    }

    proptest! {
        #[test]
        fn sets_are_sets(a: Vec<(u8, u8)>, b: Vec<(u8, u8)>, number: u8) {
            let (a, b) = (set(a), set(b));
            prop_assert_eq!(has(&a.and(&b), number), has(&a, number) && has(&b, number));
            prop_assert_eq!(has(&a.without(&b), number), has(&a, number) && !has(&b, number));
        }
    }

    #[test]
    fn examples_come_first() {
        let set = |text: &str| Addresses::new(&[text.parse().unwrap()]);
        assert_eq!(Addresses::all().any(), Some([198, 51, 100, 1].into()));
        assert_eq!(set("10.0.0.0/8").any(), Some([10, 0, 0, 1].into()));
        assert_eq!(set("10.1.2.3/32").any(), Some([10, 1, 2, 3].into()));
        assert_eq!(set("10.0.0.0/8").without(&set("0.0.0.0/0")).any(), None);
        assert_eq!(Addresses::all().without(&set("0.0.0.0/0")).any(), Some("2001:db8::1".parse().unwrap()));
    }
}
