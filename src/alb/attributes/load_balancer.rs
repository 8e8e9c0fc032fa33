//! Those of a load balancer.

use std::collections::BTreeMap;

use neargate_model::listener::{DesyncMode, LoadBalancerAttributes, LogDelivery, XffMode};

use super::texts::{Reader, Texts, over};
use crate::violation::Violation;
use crate::violation::problems::AttributeProblem;

/// Keys without effect here, with what AWS says of a new load balancer.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("deletion_protection.enabled", "false"),
    ("load_balancing.cross_zone.enabled", "true"),
    ("waf.fail_open.enabled", "false"),
    ("zonal_shift.config.enabled", "false"),
];

const XFF_MODES: &[(&str, XffMode)] =
    &[("append", XffMode::Append), ("preserve", XffMode::Preserve), ("remove", XffMode::Remove)];

const DESYNC_MODES: &[(&str, DesyncMode)] =
    &[("monitor", DesyncMode::Monitor), ("defensive", DesyncMode::Defensive), ("strictest", DesyncMode::Strictest)];

/// The keys of a log: whether it is delivered, and where.
const ACCESS_LOGS: [&str; 3] = ["access_logs.s3.enabled", "access_logs.s3.bucket", "access_logs.s3.prefix"];
const CONNECTION_LOGS: [&str; 3] =
    ["connection_logs.s3.enabled", "connection_logs.s3.bucket", "connection_logs.s3.prefix"];
const HEALTH_CHECK_LOGS: [&str; 3] =
    ["health_check_logs.s3.enabled", "health_check_logs.s3.bucket", "health_check_logs.s3.prefix"];

/// Those that make a difference here.
pub fn spelled(attributes: &LoadBalancerAttributes) -> BTreeMap<&'static str, String> {
    let mut list = BTreeMap::from([
        ("client_keep_alive.seconds", attributes.client_keep_alive.as_secs().to_string()),
        ("idle_timeout.timeout_seconds", attributes.idle_timeout.as_secs().to_string()),
        ("routing.http.desync_mitigation_mode", desync_mode(attributes.desync_mitigation_mode).to_owned()),
        ("routing.http.drop_invalid_header_fields.enabled", attributes.drop_invalid_header_fields.to_string()),
        ("routing.http.preserve_host_header.enabled", attributes.preserve_host_header.to_string()),
        ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", attributes.tls_headers.to_string()),
        ("routing.http.xff_client_port.enabled", attributes.xff_client_port.to_string()),
        ("routing.http.xff_header_processing.mode", xff_mode(attributes.xff_mode).to_owned()),
        ("routing.http2.enabled", attributes.http2_enabled.to_string()),
    ]);
    for ([enabled, bucket, prefix], delivery) in [
        (ACCESS_LOGS, &attributes.access_logs),
        (CONNECTION_LOGS, &attributes.connection_logs),
        (HEALTH_CHECK_LOGS, &attributes.health_check_logs),
    ] {
        list.insert(enabled, delivery.is_some().to_string());
        list.insert(bucket, delivery.as_ref().map(|delivery| delivery.bucket.clone()).unwrap_or_default());
        list.insert(prefix, delivery.as_ref().map(|delivery| delivery.prefix.clone()).unwrap_or_default());
    }
    list
}

/// All of them.
pub fn texts(attributes: &LoadBalancerAttributes) -> Texts {
    over(WITHOUT_EFFECT, spelled(attributes).into_iter().map(|(key, text)| (key.to_owned(), text)))
}

/// What they mean.
///
/// # Errors
///
/// A value that its key does not take. Ranges are judged with the attributes.
pub fn read(texts: &Texts) -> Result<LoadBalancerAttributes, Violation> {
    let reader = Reader(texts);
    for key in ["deletion_protection.enabled", "waf.fail_open.enabled", "zonal_shift.config.enabled"] {
        reader.flag(key)?;
    }
    // "The default for Application Load Balancers is true, and can't be changed" (LoadBalancerAttribute).
    reader.word("load_balancing.cross_zone.enabled", &[("true", ())])?;
    Ok(LoadBalancerAttributes {
        idle_timeout: reader.seconds("idle_timeout.timeout_seconds")?,
        client_keep_alive: reader.seconds("client_keep_alive.seconds")?,
        http2_enabled: reader.flag("routing.http2.enabled")?,
        preserve_host_header: reader.flag("routing.http.preserve_host_header.enabled")?,
        xff_client_port: reader.flag("routing.http.xff_client_port.enabled")?,
        xff_mode: reader.word("routing.http.xff_header_processing.mode", XFF_MODES)?,
        drop_invalid_header_fields: reader.flag("routing.http.drop_invalid_header_fields.enabled")?,
        desync_mitigation_mode: reader.word("routing.http.desync_mitigation_mode", DESYNC_MODES)?,
        tls_headers: reader.flag("routing.http.x_amzn_tls_version_and_cipher_suite.enabled")?,
        access_logs: delivery(&reader, ACCESS_LOGS)?,
        connection_logs: delivery(&reader, CONNECTION_LOGS)?,
        health_check_logs: delivery(&reader, HEALTH_CHECK_LOGS)?,
    })
}

fn delivery(reader: &Reader<'_>, keys: [&'static str; 3]) -> Result<Option<LogDelivery>, Violation> {
    let [enabled, bucket, prefix] = keys;
    if !reader.flag(enabled)? {
        return Ok(None);
    }
    if reader.text(bucket).is_empty() {
        return Err(Violation::Attribute(AttributeProblem::Missing { key: bucket, with: enabled }));
    }
    let (bucket, prefix) = (reader.text(bucket).to_owned(), reader.text(prefix).to_owned());
    Ok(Some(LogDelivery { bucket, prefix, gzip: false }))
}

fn desync_mode(mode: DesyncMode) -> &'static str {
    match mode {
        DesyncMode::Monitor => "monitor",
        DesyncMode::Defensive => "defensive",
        DesyncMode::Strictest => "strictest",
    }
}

fn xff_mode(mode: XffMode) -> &'static str {
    match mode {
        XffMode::Append => "append",
        XffMode::Preserve => "preserve",
        XffMode::Remove => "remove",
    }
}
