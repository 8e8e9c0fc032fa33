//! CloudWatch metrics of a load balancer, counted by CloudWatch's rules (ALB user guide, "CloudWatch metrics for your
//! Application Load Balancer"). [`prometheus`] formats them for Prometheus.

pub mod alarm;
pub mod alarm_limits;
pub mod figures;
pub mod prometheus;
