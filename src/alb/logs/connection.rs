//! A line of the connection log (ALB user guide, "Connection logs for your Application Load Balancer").

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;

use super::line::{Fields, LogLine, Names};

/// Everything that the log says about one client connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionEntry {
    /// When it was established, or failed.
    pub time: Timestamp,
    /// The client.
    pub client: SocketAddr,
    /// AWS's port of the listener.
    pub listener_port: u16,
    /// `None` on HTTP listeners.
    pub tls: Option<Handshake>,
    /// The address that accepted it: on AWS, that of the load balancer's node.
    pub node: Option<IpAddr>,
    /// Trace ID that links it to its requests in the access log.
    pub id: u128,
}

/// Result of a TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// It succeeded.
    Established {
        /// `TLSv1.3`
        protocol: &'static str,
        /// OpenSSL's name.
        cipher: &'static str,
        /// Duration of the handshake.
        took: Duration,
        /// Key exchange group.
        key_exchange: &'static str,
    },
    /// It failed.
    Failed,
}

/// The guide's table of `tls_verify_status` lists only failures of client certificates, and this one for everything
/// else.
const UNMAPPED: &str = "Failed:UnmappedConnectionError";

impl LogLine for ConnectionEntry {
    fn write(&self, names: Names<'_>, out: &mut Vec<u8>) {
        let mut fields = Fields::new(out);
        fields.time(self.time);
        fields.shown(self.client.ip());
        fields.number(self.client.port().into());
        fields.number(self.listener_port.into());
        let mut key_exchange = None;
        match &self.tls {
            Some(Handshake::Established { protocol, cipher, took, key_exchange: group }) => {
                fields.bare(protocol);
                fields.bare(cipher);
                fields.shown(format_args!("{}.{:03}", took.as_secs(), took.subsec_millis()));
                key_exchange = Some(*group);
            }
            Some(Handshake::Failed) | None => (0..3).for_each(|_| fields.bare("-")),
        }
        // Client certificates are not supported: subject, validity, serial number.
        fields.quoted(None);
        fields.bare("-");
        fields.bare("-");
        // HTTPS listeners only, with or without client certificates (captures).
        fields.bare(match &self.tls {
            Some(Handshake::Established { .. }) => "Success",
            Some(Handshake::Failed) => UNMAPPED,
            None => "-",
        });
        fields.connection(self.id);
        fields.optional(key_exchange);
        // Not in the guide: published lines of September 2026 have these two.
        fields.bare(names.id);
        match self.node {
            Some(address) => fields.shown(address),
            None => fields.bare("-"),
        }
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
        #[serde(default)]
        client: Option<String>,
        #[serde(default)]
        tls: Option<Tls>,
        listener_port: u16,
        line: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Tls {
        Established { seconds: f64 },
        Failed,
    }

    #[test]
    fn lines_are_as_documented() {
        fixture::each("alb/logs/connection", |case: Case| {
            let entry = ConnectionEntry {
                time: "2023-10-04T17:05:15.514108Z".parse().unwrap(),
                client: case.client.as_deref().unwrap_or("203.0.113.1:36280").parse().unwrap(),
                listener_port: case.listener_port,
                tls: case.tls.map(|tls| match tls {
                    Tls::Failed => Handshake::Failed,
                    Tls::Established { seconds } => Handshake::Established {
                        protocol: "TLSv1.2",
                        cipher: "ECDHE-RSA-AES128-GCM-SHA256",
                        took: Duration::from_secs_f64(seconds),
                        key_exchange: "x25519",
                    },
                }),
                node: Some([10, 0, 1, 5].into()),
                id: 0x3180_a730_13c8_ca4b_ac2f_7311_59d4_b0fe,
            };
            let mut line = Vec::new();
            entry.write(Names { id: "app/my-lb/0123456789abcdef", dns_name: "" }, &mut line);
            assert_eq!(String::from_utf8(line).unwrap(), case.line, "{}", case.name);
        });
    }
}
