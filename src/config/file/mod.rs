//! The format of `neargate.yaml`. The doc comments here become the reference page and the schema's descriptions.
//!
//! Names are those of Terraform's `aws_lb`, `aws_lb_listener`, `aws_lb_listener_rule`, `aws_lb_target_group` and
//! `aws_ecs_service` where they exist. This module checks only shape and type; [`super::lower`] checks the rest.

pub(crate) mod actions;
pub(crate) mod alarm;
pub(crate) mod aws;
pub(crate) mod conditions;
pub(crate) mod connect;
pub(crate) mod discovery;
pub(crate) mod load_balancer;
pub(crate) mod scaling;
pub(crate) mod service;
pub(crate) mod strategy;
pub(crate) mod target_group;

use super::read::reader::Spanned;
use super::read::{Named, OneOrMany, record};
pub(crate) use alarm::MetricAlarmFile;
pub(crate) use aws::AwsFile;
pub(crate) use discovery::DiscoveryServiceFile;
pub(crate) use load_balancer::LoadBalancerFile;
pub(crate) use service::ServiceFile;
pub(crate) use target_group::TargetGroupFile;

record! {
    /// The whole file.
    File, "file" {
        /// Name of the project: it names the Docker objects and the state folder. Default: the folder's name.
        name: Spanned<String>,
        /// The names that clients use, one or a list. Certificates are issued for them; the first one is shown.
        domain: OneOrMany<Spanned<String>>,
        /// The load balancer, if there is one. Either this or `load_balancers` is required; `load_balancers: {}` says that there
        /// is none.
        load_balancer: LoadBalancerFile,
        /// Load balancers by name, if there are several, such as a public and an internal one. A target group belongs to
        /// one of them.
        load_balancers: Named<LoadBalancerFile>,
        /// Target groups by name.
        target_groups: Named<TargetGroupFile>,
        /// Services by name.
        services: Named<ServiceFile>,
        /// Security groups by name. Traffic that they do not let in times out, as on AWS.
        security_groups: Named<SecurityGroupFile>,
        /// Alarms on metrics of the load balancers by name; services name them under `alarms`.
        metric_alarms: Named<MetricAlarmFile>,
        /// Cloud Map services by name; services name them under `service_registries`.
        service_discovery: Named<DiscoveryServiceFile>,
        /// Values of Secrets Manager secrets and SSM parameters, by ARN or name as `valueFrom` gives it. Write
        /// `${VARIABLE}` and keep the values in the environment or in `.env`.
        secrets: Named<Spanned<String>>,
        /// Local files with environment variables, by the ARN of the file in S3 that a container names under
        /// `environmentFiles`. Paths are relative to this file.
        environment_files: Named<Spanned<String>>,
        /// Whose credentials tasks are given, by the role that their task definition names in `taskRoleArn`. Tasks with
        /// another role are given made-up ones.
        task_roles: Named<TaskRoleFile>,
        /// The endpoint of AWS's APIs: who may do what there.
        aws: AwsFile,
        /// Name of the ECS cluster. Default: the project's name.
        cluster: Spanned<String>,
        /// Divides the waits that depend only on the clock: the load balancer's health check intervals and back-off. 1 is real time; targets are then shown as `draining` for their whole delay as well.
        /// Default: 10.
        time_scale: Spanned<f64>,
        /// Quotas of your AWS account that differ from the defaults.
        quotas: QuotasFile,
    }
}

record! {
    /// A role of tasks.
    TaskRoleFile, "task role" {
        /// A profile of yours, whose credentials the tasks are given: one with keys or a `credential_process` in AWS's files,
        /// or any that the AWS CLI can resolve.
        profile: Spanned<String> [required],
    }
}

record! {
    /// Quotas that AWS raises on request (ALB user guide, "Quotas for your Application Load Balancers").
    QuotasFile, "quotas" {
        /// Rules of a load balancer, default rules not counted. Default: 100.
        rules_per_load_balancer: Spanned<u32>,
        /// Listeners of a load balancer. Default: 50.
        listeners_per_load_balancer: Spanned<u32>,
        /// Certificates of a load balancer, default certificates not counted. Default: 25.
        certificates_per_load_balancer: Spanned<u32>,
        /// Targets of a target group that the file lists. Default: 1000.
        targets_per_target_group: Spanned<u32>,
        /// Targets of a load balancer that the file lists. Default: 1000.
        targets_per_load_balancer: Spanned<u32>,
    }
}

record! {
    /// A security group. Egress is open.
    SecurityGroupFile, "security group" {
        /// The inbound traffic to allow. Everything else is dropped.
        ingress: Vec<IngressFile>,
        /// Recognised; all outbound traffic is allowed.
        egress: super::read::Anything,
        /// Recognised; shown nowhere.
        description: String,
        /// Recognised; shown nowhere.
        tags: super::read::Anything,
    }
}

record! {
    /// One inbound rule: `port`, or `from_port` and `to_port`; `cidr` or `security_group`.
    IngressFile, "ingress rule" {
        /// `tcp`, `udp`, or `-1` for all. Default: `tcp`.
        protocol: Spanned<String>,
        /// The only port to let in.
        port: Spanned<u16>,
        /// First port to let in.
        from_port: Spanned<u16>,
        /// Last port to let in.
        to_port: Spanned<u16>,
        /// A network, e.g. `0.0.0.0/0`.
        cidr: Spanned<String>,
        /// A key of `security_groups`: every member of that group.
        security_group: Spanned<String>,
        /// Recognised; shown nowhere.
        description: String,
    }
}
