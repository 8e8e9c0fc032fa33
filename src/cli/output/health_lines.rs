//! Recognises lines of a container's output that are only about health checks.

use crate::admin::view::shape::ClusterView;

/// What the load balancer's probes call themselves (ALB user guide, "Health checks").
const PROBE: &str = "ELB-HealthChecker";

/// Knows the paths that are probed.
#[derive(Debug, Default)]
pub(crate) struct HealthLines {
    paths: Vec<String>,
}

impl HealthLines {
    /// The health paths of a stack's target groups. `/` is left out: people ask for it as well.
    pub(crate) fn from_view(view: &ClusterView) -> Self {
        let paths = view.target_groups.iter().filter_map(|group| {
            let path = &group.health_check[group.health_check.find('/')?..];
            Some(path.split(['?', '#']).next().unwrap_or(path).to_owned())
        });
        Self::new(paths)
    }

    fn new(paths: impl IntoIterator<Item = String>) -> Self {
        Self { paths: paths.into_iter().filter(|path| path != "/").collect() }
    }

    /// Whether the line tells of a health check: of the load balancer's, or of a request for a health path.
    pub(crate) fn matches(&self, line: &str) -> bool {
        line.contains(PROBE) || self.paths.iter().any(|path| asks_for(line, path))
    }
}

/// Whether the line looks like the record of a request for this very path: as in `GET /health HTTP/1.1`, or with method
/// and path in quotes, as in JSON.
fn asks_for(line: &str, path: &str) -> bool {
    let is_request = ["GET", "HEAD"].iter().any(|method| line.contains(method));
    is_request
        && line.match_indices(path).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + path.len()..].chars().next();
            let ends = |character: Option<char>| {
                character.is_none_or(|character| character.is_whitespace() || "\"'?,".contains(character))
            };
            ends(before) && ends(after)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_checks_are_told_from_requests_in_the_usual_formats() {
        let health = HealthLines::new(["/health".to_owned(), "/".to_owned()]);
        for line in [
            r#"172.31.0.5 - - [29/Nov/2026:12:00:00 +0000] "GET /health HTTP/1.1" 200 2"#,
            r#"10.0.0.1 - "GET / HTTP/1.1" 200 615 "-" "ELB-HealthChecker/2.0""#,
            r#"{"level":"info","method":"GET","path":"/health","status":200}"#,
            "GET /health 200 1.204 ms - 15",
            r#"INFO:     127.0.0.1:40000 - "GET /health?deep=1 HTTP/1.1" 200 OK"#,
        ] {
            assert!(health.matches(line), "{line}");
        }
        for line in [
            r#"10.0.0.1 - "GET / HTTP/1.1" 200 615 "-" "Mozilla/5.0""#,
            r#""GET /healthy-recipes HTTP/1.1" 200"#,
            r#""GET /api/health HTTP/1.1" 200"#,
            "the database's /health is bad",
            "STRIPE_KEY is not set",
        ] {
            assert!(!health.matches(line), "{line}");
        }
    }
}
