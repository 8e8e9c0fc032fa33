//! Attributes of load balancers, listeners and target groups as the API spells them: a key and a text each (ELBv2 API
//! reference, LoadBalancerAttribute, ListenerAttribute, TargetGroupAttribute).
//!
//! Keys that change nothing here have a default and no place in the model: who takes them from a client remembers them.

pub mod listener;
pub mod load_balancer;
pub mod target_group;
pub mod texts;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::texts::{AttributesOf, Texts};
    use super::{listener, load_balancer, target_group, texts};
    use neargate_model::listener::{HeaderModification, LoadBalancerAttributes, LogDelivery, XffMode};
    use neargate_model::target_group::{Algorithm, HealthThreshold, Stickiness, TargetGroupAttributes};

    #[test]
    fn what_is_spelled_reads_back_as_itself() {
        let logs = LogDelivery { bucket: "logs".into(), prefix: "web".into(), gzip: false };
        for attributes in [
            LoadBalancerAttributes::default(),
            LoadBalancerAttributes {
                idle_timeout: Duration::from_secs(30),
                http2_enabled: false,
                xff_mode: XffMode::Remove,
                access_logs: Some(logs.clone()),
                connection_logs: Some(logs),
                ..LoadBalancerAttributes::default()
            },
        ] {
            assert_eq!(load_balancer::read(&load_balancer::texts(&attributes)), Ok(attributes));
        }
        for attributes in [
            TargetGroupAttributes::default(),
            TargetGroupAttributes {
                algorithm: Algorithm::LeastOutstandingRequests,
                stickiness: Some(Stickiness::LbCookie { duration: Duration::from_secs(9) }),
                unhealthy_state_routing: HealthThreshold { count: Some(2), percentage: Some(50) },
                dns_failover: HealthThreshold { count: None, percentage: None },
                ..TargetGroupAttributes::default()
            },
            TargetGroupAttributes {
                stickiness: Some(Stickiness::AppCookie { cookie_name: "id".into(), duration: Duration::from_secs(9) }),
                ..TargetGroupAttributes::default()
            },
        ] {
            assert_eq!(target_group::read(&target_group::texts(&attributes)), Ok(attributes));
        }
        let mut headers = HeaderModification::default();
        assert_eq!(listener::read(&listener::texts(&headers)), Ok(headers.clone()));
        headers.server = false;
        headers.response = vec![("X-Frame-Options".into(), "DENY".into())];
        assert_eq!(listener::read(&listener::texts(&headers)), Ok(headers));
    }

    #[test]
    fn keys_and_values_that_do_not_exist_are_refused() {
        let mut all = load_balancer::texts(&LoadBalancerAttributes::default());
        let change = |changed: &mut Texts, key: &str, value: &str| {
            texts::change(changed, [(key.to_owned(), value.to_owned())], AttributesOf::LoadBalancer)
        };
        let unknown = change(&mut all, "idle_timeout", "60").expect_err("no such key");
        assert_eq!(unknown.to_string(), "Load balancer attribute key 'idle_timeout' is not recognized");
        for (key, value, message) in [
            ("routing.http2.enabled", "yes", "'routing.http2.enabled' value 'yes' must be one of [true, false]"),
            ("idle_timeout.timeout_seconds", "1m", "'idle_timeout.timeout_seconds' value '1m' must be a number"),
            (
                "access_logs.s3.enabled",
                "true",
                "'access_logs.s3.bucket' must be specified if 'access_logs.s3.enabled' is 'true'",
            ),
        ] {
            let mut all = load_balancer::texts(&LoadBalancerAttributes::default());
            change(&mut all, key, value).expect("a key");
            assert_eq!(load_balancer::read(&all).expect_err("no such value").to_string(), message);
        }
    }
}
