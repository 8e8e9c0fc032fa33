//! CloudWatch's figures of a load balancer, counted by CloudWatch's rules (ALB user guide, "CloudWatch metrics for
//! your Application Load Balancer"). How they are written for Prometheus is in [`prometheus`].

pub mod figures;
pub mod prometheus;
