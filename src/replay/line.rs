//! A line of an access log, as far as routing is concerned (ALB user guide, "Access log entries").
//!
//! Fields were appended over the years, from 22 to 36; those that matter here are among the first 24. Quotation marks
//! within fields are escaped as `\x22`, so a quoted field ends at the next quotation mark.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

/// The parts of a line that say what was asked and what was decided. Borrowed; escapes are left as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'l> {
    /// `type`: `http`, `https`, `h2`, `grpcs`, `ws`, `wss`
    pub kind: &'l str,
    /// `time`
    pub time: &'l str,
    /// `elb`: `app/name/id`
    pub load_balancer: &'l str,
    /// `client:port`
    pub client: SocketAddr,
    /// `elb_status_code`
    pub status: u16,
    /// `request`: method and version are `-` if it was malformed.
    pub request: RequestLine<'l>,
    /// `user_agent`, escaped; a dash if there was none.
    pub user_agent: &'l [u8],
    /// `target_group_arn`; a dash if there is none.
    pub target_group_arn: &'l str,
    /// `matched_rule_priority`; `None` if no rule was evaluated.
    pub priority: Option<u32>,
    /// `actions_executed`
    pub actions: &'l str,
    /// `redirect_url`; a dash if there is none.
    pub redirect_url: &'l [u8],
}

/// `"METHOD protocol://host:port/path?query version"`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine<'l> {
    /// The method.
    pub method: &'l [u8],
    /// Without the port; in IPv6 with its brackets.
    pub host: &'l [u8],
    /// The listener's port.
    pub port: Option<u16>,
    /// Path, as sent.
    pub path: &'l [u8],
    /// Query, as sent.
    pub query: Option<&'l [u8]>,
}

/// Why a line is not one of an Application Load Balancer's access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unreadable {
    /// A line of a Network Load Balancer (`tls 2.0 …`).
    NetworkLoadBalancer,
    /// A line of a Classic Load Balancer: it begins with a time.
    ClassicLoadBalancer,
    /// JSON.
    Json,
    /// The file that is written when logging is enabled (`Enable AccessLog for ELB: …`).
    TestFile,
    /// It ends too early.
    Short,
    /// A field has another form.
    Malformed,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NetworkLoadBalancer => "lines of a Network Load Balancer",
            Self::ClassicLoadBalancer => "lines of a Classic Load Balancer",
            Self::Json => "lines in JSON",
            Self::TestFile => "the test file of access logging",
            Self::Short => "lines that end too early",
            Self::Malformed => "lines that are no access log entries",
        })
    }
}

const KINDS: [&str; 6] = ["http", "https", "h2", "grpcs", "ws", "wss"];

impl<'l> Line<'l> {
    /// Reads a line, without its line end.
    pub fn parse(line: &'l [u8]) -> Result<Self, Unreadable> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut rest = Rest(line);
        let kind = rest.bare().ok_or(Unreadable::Short)?;
        if !KINDS.contains(&kind) {
            return Err(of_another_kind(line, kind));
        }
        let time = rest.bare().ok_or(Unreadable::Short)?;
        let load_balancer = rest.bare().ok_or(Unreadable::Short)?;
        let client = address(rest.bare().ok_or(Unreadable::Short)?).ok_or(Unreadable::Malformed)?;
        // target, three times
        rest.skip(4).ok_or(Unreadable::Short)?;
        let status = rest.bare().ok_or(Unreadable::Short)?.parse().map_err(|_| Unreadable::Malformed)?;
        // target's status, bytes received and sent
        rest.skip(3).ok_or(Unreadable::Short)?;
        let request = RequestLine::parse(rest.quoted().ok_or(Unreadable::Short)?);
        let user_agent = rest.quoted().ok_or(Unreadable::Short)?;
        // cipher and protocol
        rest.skip(2).ok_or(Unreadable::Short)?;
        let target_group_arn = rest.bare().ok_or(Unreadable::Short)?;
        // trace id, domain name, certificate
        for _ in 0..3 {
            rest.quoted().ok_or(Unreadable::Short)?;
        }
        let priority = rest.bare().ok_or(Unreadable::Short)?;
        // when it was created
        rest.skip(1).ok_or(Unreadable::Short)?;
        // The oldest lines end here.
        let actions = rest.quoted().unwrap_or(b"-");
        let redirect_url = rest.quoted().unwrap_or(b"-");
        Ok(Self {
            kind,
            time,
            load_balancer,
            client,
            status,
            request,
            user_agent,
            target_group_arn,
            priority: match priority {
                // An error before the rules, or a request that could not be parsed.
                "-" | "-1" => None,
                number => Some(number.parse().map_err(|_| Unreadable::Malformed)?),
            },
            actions: std::str::from_utf8(actions).map_err(|_| Unreadable::Malformed)?,
            redirect_url,
        })
    }
}

fn of_another_kind(line: &[u8], first: &str) -> Unreadable {
    match first {
        "tls" | "tcp" => Unreadable::NetworkLoadBalancer,
        "Enable" => Unreadable::TestFile,
        _ if line.starts_with(b"{") => Unreadable::Json,
        _ if first.len() > 10 && first.as_bytes()[4] == b'-' && first.as_bytes()[10] == b'T' => {
            Unreadable::ClassicLoadBalancer
        }
        _ => Unreadable::Malformed,
    }
}

/// What is left of a line.
struct Rest<'l>(&'l [u8]);

impl<'l> Rest<'l> {
    fn word(&mut self) -> Option<&'l [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = memchr::memchr(b' ', self.0).unwrap_or(self.0.len());
        let (field, rest) = self.0.split_at(end);
        self.0 = rest.strip_prefix(b" ").unwrap_or(rest);
        Some(field)
    }

    fn bare(&mut self) -> Option<&'l str> {
        std::str::from_utf8(self.word()?).ok()
    }

    fn skip(&mut self, fields: usize) -> Option<()> {
        for _ in 0..fields {
            self.word()?;
        }
        Some(())
    }

    /// A field in quotation marks. (In one of AWS's own old examples no space follows it.)
    fn quoted(&mut self) -> Option<&'l [u8]> {
        let inside = self.0.strip_prefix(b"\"")?;
        let end = memchr::memchr(b'"', inside)?;
        let rest = &inside[end + 1..];
        self.0 = rest.strip_prefix(b" ").unwrap_or(rest);
        Some(&inside[..end])
    }
}

/// `1.2.3.4:5`, `[2001:db8::1]:5`, `2001:db8::1:5`
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Some(SocketAddr::new(host.parse::<IpAddr>().ok()?, port.parse().ok()?))
}

impl<'l> RequestLine<'l> {
    /// A URL may hold spaces as the client sent them: the method ends at the first one, the version begins after the last.
    fn parse(text: &'l [u8]) -> Self {
        let first = memchr::memchr(b' ', text).unwrap_or(text.len());
        let method = &text[..first];
        let rest = text.get(first + 1..).unwrap_or_default();
        let url = &rest[..memchr::memrchr(b' ', rest).unwrap_or(rest.len())];
        let (host, port, target) = match find(url, b"://") {
            Some(at) => {
                let rest = &url[at + 3..];
                let end = memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
                let (authority, target) = rest.split_at(end);
                let (host, port) = split_port(authority);
                (host, port, target)
            }
            None => (&b""[..], None, url),
        };
        let (path, query) = match memchr::memchr(b'?', target) {
            Some(at) => (&target[..at], Some(&target[at + 1..])),
            None => (target, None),
        };
        Self { method, host, port, path, query }
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, what)
}

fn split_port(authority: &[u8]) -> (&[u8], Option<u16>) {
    let Some(colon) = memchr::memrchr(b':', authority) else { return (authority, None) };
    let digits = std::str::from_utf8(&authority[colon + 1..]).ok().and_then(|digits| digits.parse().ok());
    match digits {
        Some(port) => (&authority[..colon], Some(port)),
        // `[::1]`, or the empty port of `host:-` in a malformed request.
        None if authority.ends_with(b"-") => (&authority[..colon], None),
        None => (authority, None),
    }
}

/// A field with its `\xHH` replaced; most have none.
pub fn unescaped(field: &[u8]) -> Cow<'_, [u8]> {
    let Some(mut at) = memchr::memchr(b'\\', field) else { return Cow::Borrowed(field) };
    let mut plain = field[..at].to_vec();
    while let Some(&byte) = field.get(at) {
        let digits = field.get(at + 1..at + 4).filter(|_| byte == b'\\').and_then(|code| code.strip_prefix(b"x"));
        let value = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        plain.push(value.unwrap_or(byte));
        at += if value.is_some() { 4 } else { 1 };
    }
    Cow::Owned(plain)
}
