//! Checks that a contender does the work that is compared: a few requests, whose echoes are inspected.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::contenders::{Ground, Running};
use crate::load::{self, HOST, Kind, Tls};

/// How long a contender may take to serve its first request.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Waits for the first request to be served. Returns how long that took since `started`.
pub(crate) async fn first_request(running: &mut Running, tls: &Tls, started: Instant) -> Result<Duration, String> {
    let address = SocketAddr::from(([127, 0, 0, 1], running.place.port));
    loop {
        match tokio::time::timeout(START_LIMIT, load::once(tls, address, "/small", Kind::NewConnection)).await {
            Ok(Ok(_)) => return Ok(started.elapsed()),
            _ if running.tree.has_ended() || started.elapsed() > START_LIMIT => {
                let log = std::fs::read_to_string(running.place.folder.join("output.log")).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(12).collect();
                let last: Vec<&str> = last.into_iter().rev().collect();
                return Err(format!("{} does not start: {}", running.name, last.join("\n")));
            }
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

/// Whether it does the same work. `Err` says what differs.
pub(crate) async fn same_work(running: &Running, ground: &Ground, tls: &Tls) -> Result<(), String> {
    let place = &running.place;
    let mut trace_ids = Vec::new();
    for kind in [Kind::Http1, Kind::Http2] {
        for (port, path, target) in [
            (place.port, "/echo", ground.target_web),
            (place.port, "/api/echo", ground.target_api),
            (place.port_rules, "/echo", ground.target_web),
            (place.port_rules, "/1-service/echo", ground.target_api),
            (place.port_rules, "/100-service/echo", ground.target_api),
        ] {
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let echo = load::once(tls, address, path, kind).await.map_err(|error| format!("{path}: {error}"))?;
            let trace_id = inspect(&echo, path, port, target).map_err(|what| format!("{path}: {what}, in:\n{echo}"))?;
            trace_ids.push(trace_id);
        }
    }
    trace_ids.sort();
    let all = trace_ids.len();
    trace_ids.dedup();
    // Traefik cannot add them; all others must.
    if running.name != "traefik" && (trace_ids.len() < all || trace_ids.contains(&None)) {
        return Err("trace ids are missing or not unique".to_owned());
    }
    Ok(())
}

/// Inspects one echo and returns its trace ID.
fn inspect(echo: &str, path: &str, port: u16, target: u16) -> Result<Option<String>, String> {
    let mut lines = echo.split("\r\n");
    let expect = |what: &str, found: Option<&str>, expected: &str| match found {
        Some(found) if found == expected => Ok(()),
        _ => Err(format!("{what} is {found:?}, not {expected}")),
    };
    expect("the request line", lines.next(), &format!("GET {path} HTTP/1.1"))?;
    let fields: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let field = |name: &str| fields.iter().find(|(found, _)| found == name).map(|(_, value)| *value);
    let host = field("host").map(|host| host.split(':').next().unwrap_or_default());
    expect("the host", host, HOST)?;
    expect("X-Forwarded-For", field("x-forwarded-for"), "127.0.0.1")?;
    expect("X-Forwarded-Proto", field("x-forwarded-proto"), "https")?;
    expect("X-Forwarded-Port", field("x-forwarded-port"), &port.to_string())?;
    expect("the target", field("echoed-by"), &target.to_string())?;
    Ok(field("x-amzn-trace-id").map(str::to_owned))
}
