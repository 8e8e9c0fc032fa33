//! Names of log files: the keys that Elastic Load Balancing gives to objects in S3 (ALB user guide, "Access log files",
//! and the same sections on connection logs and health check logs).

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::Offset;

use neargate_model::arn::{ACCOUNT, REGION};

/// "Elastic Load Balancing publishes a log file for each load balancer node every 5 minutes."
const INTERVAL_SECONDS: i64 = 5 * 60;

/// One of the three logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// One line per request.
    Access,
    /// One line per client connection.
    Connection,
    /// One line per health check.
    HealthCheck,
}

impl LogKind {
    /// Prefix of file names.
    pub fn file_prefix(self) -> &'static str {
        match self {
            Self::Access => "",
            Self::Connection => "conn_log_",
            Self::HealthCheck => "health_check_log_",
        }
    }
}

/// End of the interval that contains this moment.
pub fn interval_end(now: Timestamp) -> Timestamp {
    let end = (now.as_second().div_euclid(INTERVAL_SECONDS) + 1) * INTERVAL_SECONDS;
    Timestamp::from_second(end).unwrap_or(now)
}

/// The key of a file. `id` is `app/<name>/<id>`; the date is that of the interval's end; `random` distinguishes files
/// of the same interval.
pub fn key(kind: LogKind, prefix: &str, id: &str, end: Timestamp, node: IpAddr, random: u64) -> String {
    let civil = Offset::UTC.to_datetime(end);
    let prefix = prefix.trim_matches('/');
    let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    format!(
        "{folder}AWSLogs/{ACCOUNT}/elasticloadbalancing/{REGION}/{}/{}{ACCOUNT}_elasticloadbalancing_{REGION}_{}_{}_{}_{}.log",
        civil.strftime("%Y/%m/%d"),
        kind.file_prefix(),
        id.replace('/', "."),
        civil.strftime("%Y%m%dT%H%MZ"),
        // Some file systems do not allow colons in file names.
        node.to_string().replace(':', "."),
        base36(random),
    )
}

/// Eight lower-case letters and digits.
fn base36(mut number: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    (0..8)
        .map(|_| {
            let digit = DIGITS[(number % 36) as usize];
            number /= 36;
            char::from(digit)
        })
        .collect()
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
        log: Log,
        #[serde(default)]
        prefix: String,
        now: String,
        #[serde(default)]
        node: Option<String>,
        key: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Log {
        Access,
        Connection,
        HealthCheck,
    }

    #[test]
    fn keys_have_the_layout_that_the_guide_shows() {
        fixture::each("alb/logs/files", |case: Case| {
            let kind = match case.log {
                Log::Access => LogKind::Access,
                Log::Connection => LogKind::Connection,
                Log::HealthCheck => LogKind::HealthCheck,
            };
            let end = interval_end(case.now.parse().unwrap());
            let node = case.node.as_deref().unwrap_or("172.160.1.192").parse().unwrap();
            let key = key(kind, &case.prefix, "app/my-loadbalancer/1234567890abcdef", end, node, 12345);
            assert_eq!(key, case.key, "{}", case.name);
        });
    }
}
