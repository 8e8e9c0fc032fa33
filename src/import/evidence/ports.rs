//! Containers that speak no HTTP, so that no target group of a load balancer can ever be healthy with them.

use super::question::words;

/// Why nothing can be sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Silence {
    /// The end of the sentence "`redis` stays behind the load balancer: …".
    pub(crate) why: &'static str,
}

/// Ports whose protocol is known and is not HTTP: IANA's registry, and what the makers' documentation says.
const PORTS: &[(u16, &str)] = &[
    (21, "port 21 is FTP's"),
    (22, "port 22 is SSH's"),
    (25, "port 25 is SMTP's"),
    (53, "port 53 is DNS's"),
    (465, "port 465 is SMTP's"),
    (514, "port 514 is syslog's"),
    (587, "port 587 is SMTP's"),
    (1433, "port 1433 is SQL Server's"),
    (1521, "port 1521 is Oracle's"),
    (1883, "port 1883 is MQTT's"),
    (2000, "port 2000 is the X-Ray daemon's"),
    (2181, "port 2181 is ZooKeeper's"),
    (3306, "port 3306 is MySQL's"),
    (4222, "port 4222 is NATS's"),
    (4317, "port 4317 is OpenTelemetry's gRPC"),
    (4318, "port 4318 takes OpenTelemetry's signals"),
    (5432, "port 5432 is PostgreSQL's"),
    (5671, "port 5671 is AMQP's"),
    (5672, "port 5672 is AMQP's"),
    (6379, "port 6379 is Redis's"),
    (6380, "port 6380 is Redis's"),
    (7687, "port 7687 is Neo4j's Bolt"),
    (8125, "port 8125 is StatsD's"),
    (8126, "port 8126 is the Datadog agent's"),
    (8883, "port 8883 is MQTT's"),
    (9042, "port 9042 is Cassandra's"),
    (9092, "port 9092 is Kafka's"),
    (11211, "port 11211 is memcached's"),
    (24224, "port 24224 is Fluentd's"),
    (27017, "port 27017 is MongoDB's"),
    (27018, "port 27018 is MongoDB's"),
    (27019, "port 27019 is MongoDB's"),
    (33060, "port 33060 is MySQL's"),
    (50051, "port 50051 is conventionally gRPC"),
];

/// Images that speak no HTTP on any port; the last part of the name.
const IMAGES: &[(&str, &str)] = &[
    ("activemq", "it is a message broker"),
    ("amazon-cloudwatch-agent", "it is the CloudWatch agent"),
    ("amazon-ecs-service-connect-agent", "it is a proxy next to the application"),
    ("aws-appmesh-envoy", "it is a proxy next to the application"),
    ("aws-for-fluent-bit", "it routes logs"),
    ("aws-otel-collector", "it collects traces and metrics"),
    ("aws-xray-daemon", "it collects traces"),
    ("cassandra", "it is a database"),
    ("cloudwatch-agent", "it is the CloudWatch agent"),
    ("cp-kafka", "it is a message broker"),
    ("datadog-agent", "it is the Datadog agent"),
    ("eclipse-mosquitto", "it is an MQTT broker"),
    ("fluent-bit", "it routes logs"),
    ("fluentd", "it routes logs"),
    ("kafka", "it is a message broker"),
    ("mariadb", "it is a database"),
    ("memcached", "it is a cache"),
    ("mongo", "it is a database"),
    ("mongodb", "it is a database"),
    ("mosquitto", "it is an MQTT broker"),
    ("mssql-server", "it is a database"),
    ("mysql", "it is a database"),
    ("mysql-server", "it is a database"),
    ("opentelemetry-collector", "it collects traces and metrics"),
    ("opentelemetry-collector-contrib", "it collects traces and metrics"),
    ("postgis", "it is a database"),
    ("postgres", "it is a database"),
    ("postgresql", "it is a database"),
    ("redis", "it is a cache"),
    ("redis-stack-server", "it is a cache"),
    ("valkey", "it is a cache"),
    ("xray", "it collects traces"),
    ("zookeeper", "it is ZooKeeper"),
];

/// Why nothing can be sent to a container, as its port, its image, its name and the Dockerfile that makes it tell;
/// `None` when it may well speak HTTP.
pub(crate) fn silence(container: &str, image: &str, port: u16, dockerfile: Option<&str>) -> Option<Silence> {
    let known = PORTS.iter().find(|(known, _)| *known == port);
    if let Some((_, why)) = known {
        return Some(Silence { why });
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    let last = last.split(['@', ':']).next().unwrap_or(last);
    if let Some((_, why)) = IMAGES.iter().find(|(name, _)| *name == last) {
        return Some(Silence { why });
    }
    if is_php_fpm(container, image, port, dockerfile) {
        return Some(Silence { why: "it is PHP-FPM, which speaks FastCGI with the web server next to it" });
    }
    let says_grpc = words(container).any(|word| word == "grpc");
    says_grpc.then_some(Silence { why: "its name says gRPC; give its target group `protocol_version: GRPC`" })
}

/// PHP's process manager listens on 9000, as do applications that speak HTTP.
fn is_php_fpm(container: &str, image: &str, port: u16, dockerfile: Option<&str>) -> bool {
    if port != 9000 {
        return false;
    }
    let made_of = dockerfile.map(|text| super::dockerfile::base_and_command(text, None));
    let by_dockerfile = made_of.is_some_and(|(base, command)| base.contains("fpm") || command.contains("php-fpm"));
    let by_name = words(container).chain(words(image)).any(|word| matches!(word.as_str(), "php" | "fpm" | "phpfpm"));
    by_dockerfile || by_name
}
