//! The content of the load balancer's cookies, and the encryption that keeps clients from reading or changing it.
//!
//! "The content of load balancer generated cookies are encrypted using a rotating key. You can't decrypt or modify load
//! balancer generated cookies" (ALB user guide, "Sticky sessions"). AWS's format is unknown. neargate uses AES-256-GCM,
//! with the cookie's purpose as associated data so that one cookie cannot stand in for another, under a key that lives
//! for one run. Only the lengths match captures.
//!
//! ```text
//!  AWSALB      base64( nonce 12 │ count 1, tickets of 34, zeros up to 65  │ tag 16 )   124 characters
//!  AWSALBTG    base64( nonce 12 │ count 1, tickets of 34, zeros up to 104 │ tag 16 )   176 characters
//!  AWSALBAPP   base64( zeros 8, nonce 12 │ count 1, tickets of 34         │ tag 16 )
//! ```

use std::net::{IpAddr, Ipv6Addr};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use neargate_model::target_health::Target;

/// Bytes of a ticket: group, address, port, end.
const TICKET: usize = 8 + 16 + 2 + 8;
const NONCE: usize = 12;
const TAG: usize = 16;
/// In an application cookie: the count is one byte, and 16 K are the most that AWS allows.
const MOST_TICKETS: usize = 255;

/// The purpose of a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `AWSALB`: the target.
    Target,
    /// `AWSALBTG`: the target group.
    Group,
    /// `AWSALBAPP`: the target in every group that follows a cookie of the application.
    Application,
}

impl Purpose {
    fn prefix(self) -> &'static [u8] {
        if self == Self::Application { &[0; 8] } else { &[] }
    }

    /// Minimum length of the plaintext in bytes, which makes the cookie as long as AWS's.
    fn least(self) -> usize {
        match self {
            Self::Target => 65,
            Self::Group => 104,
            Self::Application => 0,
        }
    }

    fn associated_data(self) -> &'static [u8] {
        match self {
            Self::Target => b"AWSALB",
            Self::Group => b"AWSALBTG",
            Self::Application => b"AWSALBAPP",
        }
    }
}

/// Binds a client to a group, or to a target of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The hexadecimal part of the target group's ARN.
    pub group: u64,
    /// Ignored in `AWSALBTG`.
    pub target: Target,
    /// End of its validity, in seconds since 1970. The cookie itself always expires after seven days.
    pub valid_until: i64,
}

/// Seals and opens cookies for the lifetime of the process.
pub struct CookieKey(LessSafeKey);

impl CookieKey {
    /// Creates a key from these random bytes.
    pub fn new(secret: [u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, &secret);
        Self(LessSafeKey::new(key.unwrap_or_else(|_| unreachable!("a key of 32 bytes"))))
    }

    /// The value of a cookie. A nonce must never be used twice.
    pub fn seal(&self, purpose: Purpose, tickets: &[Ticket], nonce: [u8; NONCE]) -> String {
        let tickets = &tickets[..tickets.len().min(MOST_TICKETS)];
        let mut plain = Vec::with_capacity(purpose.least().max(1 + tickets.len() * TICKET) + TAG);
        plain.push(tickets.len() as u8);
        for ticket in tickets {
            plain.extend_from_slice(&ticket.group.to_be_bytes());
            let address = match ticket.target.address {
                IpAddr::V4(address) => address.to_ipv6_mapped(),
                IpAddr::V6(address) => address,
            };
            plain.extend_from_slice(&address.octets());
            plain.extend_from_slice(&ticket.target.port.to_be_bytes());
            plain.extend_from_slice(&ticket.valid_until.to_be_bytes());
        }
        plain.resize(plain.len().max(purpose.least()), 0);
        let data = Aad::from(purpose.associated_data());
        let sealed = self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), data, &mut plain);
        // Encryption fails only for 64 GiB and more.
        debug_assert!(sealed.is_ok());
        STANDARD.encode([purpose.prefix(), &nonce, &plain].concat())
    }

    /// The tickets in a value; `None` if this key did not seal it for this purpose, or if it has changed since.
    pub fn open(&self, purpose: Purpose, value: &[u8]) -> Option<Vec<Ticket>> {
        let mut bytes = STANDARD.decode(value).ok()?;
        let sealed = bytes.strip_prefix(purpose.prefix())?.len();
        let start = bytes.len() - sealed;
        let nonce: [u8; NONCE] = bytes.get(start..start + NONCE)?.try_into().ok()?;
        let data = Aad::from(purpose.associated_data());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let plain = self.0.open_in_place(nonce, data, &mut bytes[start + NONCE..]).ok()?;
        tickets(plain)
    }
}

impl std::fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CookieKey")
    }
}

fn tickets(plain: &[u8]) -> Option<Vec<Ticket>> {
    let (&count, tickets) = plain.split_first()?;
    let tickets = tickets.get(..usize::from(count) * TICKET)?;
    Some(tickets.chunks_exact(TICKET).map(ticket).collect())
}

fn ticket(bytes: &[u8]) -> Ticket {
    fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
        std::array::from_fn(|index| bytes[at + index])
    }
    let address = IpAddr::V6(Ipv6Addr::from(array::<16>(bytes, 8))).to_canonical();
    Ticket {
        group: u64::from_be_bytes(array(bytes, 0)),
        target: Target { address, port: u16::from_be_bytes(array(bytes, 24)) },
        valid_until: i64::from_be_bytes(array(bytes, 26)),
    }
}

#[cfg(any(test, feature = "fuzzing"))]
const PURPOSES: [Purpose; 3] = [Purpose::Target, Purpose::Group, Purpose::Application];

/// Only sealed values are opened: not these bytes, and not a cookie altered or extended by them. And if these bytes had
/// been sealed, parsing them would do no harm. See `properties` at the top.
#[cfg(any(test, feature = "fuzzing"))]
pub fn only_what_was_sealed_is_opened(bytes: &[u8]) {
    let key = CookieKey::new([1; 32]);
    let target = Target { address: [10, 0, 0, 1].into(), port: 80 };
    for purpose in PURPOSES {
        assert_eq!(key.open(purpose, bytes), None);
        assert_eq!(key.open(purpose, STANDARD.encode(bytes).as_bytes()), None);
        let value = key.seal(purpose, &[Ticket { group: 7, target, valid_until: 1_700_000_000 }], [2; 12]);
        let sealed = STANDARD.decode(&value).unwrap_or_default();
        let mut changed = sealed.clone();
        changed.iter_mut().zip(bytes).for_each(|(byte, change)| *byte ^= change);
        assert_eq!(key.open(purpose, STANDARD.encode(&changed).as_bytes()).is_some(), changed == sealed);
        let longer = [&sealed, bytes].concat();
        assert_eq!(key.open(purpose, STANDARD.encode(&longer).as_bytes()).is_some(), bytes.is_empty());
    }
    if let Some(tickets) = tickets(bytes) {
        assert_eq!(Some(tickets.len()), bytes.first().map(|&count| count.into()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn a_ticket(last: u8) -> Ticket {
        Ticket { group: 7, target: Target { address: [10, 0, 0, last].into(), port: 80 }, valid_until: 1_700_000_000 }
    }

    #[test]
    fn sealed_cookies_open_and_are_as_long_as_on_aws() {
        let key = CookieKey::new([1; 32]);
        for (purpose, length) in [(Purpose::Target, 124), (Purpose::Group, 176)] {
            let value = key.seal(purpose, &[a_ticket(1)], [2; 12]);
            assert_eq!(value.len(), length);
            assert_eq!(key.open(purpose, value.as_bytes()), Some(vec![a_ticket(1)]));
        }
        let value = key.seal(Purpose::Application, &[a_ticket(1), a_ticket(2)], [2; 12]);
        assert!(value.starts_with("AAAAAAAAAA"), "as captures show: {value}");
        assert_eq!(key.open(Purpose::Application, value.as_bytes()), Some(vec![a_ticket(1), a_ticket(2)]));
    }

    #[test]
    fn a_cookie_is_of_no_use_for_another_purpose_or_after_a_restart() {
        let key = CookieKey::new([1; 32]);
        for sealed in PURPOSES {
            let value = key.seal(sealed, &[a_ticket(1)], [2; 12]);
            for opened in PURPOSES {
                assert_eq!(key.open(opened, value.as_bytes()).is_some(), sealed == opened);
            }
            assert_eq!(CookieKey::new([3; 32]).open(sealed, value.as_bytes()), None);
        }
    }

    proptest! {
        #[test]
        fn a_changed_cookie_is_not_opened(
            purpose in proptest::sample::select(PURPOSES.to_vec()),
            at in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let key = CookieKey::new([1; 32]);
            let value = key.seal(purpose, &[a_ticket(1)], [2; 12]);
            let mut bytes = STANDARD.decode(value).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(key.open(purpose, STANDARD.encode(bytes).as_bytes()), None);
        }

        #[test]
        fn anything_can_be_tried(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            only_what_was_sealed_is_opened(&value);
        }
    }
}
