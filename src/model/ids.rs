//! Names and IDs, a type for each, so that two of them cannot be confused.
//!
//! They share their text (`Arc<str>`), because snapshots clone them freely.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps text that the caller has already checked against AWS's rules for this name.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

name_type! {
    /// A CloudWatch alarm.
    AlarmName
}
name_type! {
    /// A scaling policy of a service; 1 to 256 characters (Application Auto Scaling API, PutScalingPolicy).
    ScalingPolicyName
}
name_type! {
    /// A profile in AWS's shared configuration files.
    ProfileName
}
name_type! {
    /// The project: its load balancers, its network and its services. Becomes the name of Docker objects.
    ProjectName
}
name_type! {
    /// A DNS name that the certificate covers; may start with `*.`. Always lower-case.
    DomainName
}
name_type! {
    /// A key of `security_groups`.
    SecurityGroupName
}
name_type! {
    /// A load balancer's name in logs and ARNs; at most 32 of `[A-Za-z0-9-]` (ELBv2 API, CreateLoadBalancer).
    LoadBalancerName
}
name_type! {
    /// The last part of a listener's ARN: 16 hexadecimal digits (ELBv2 API, Listener).
    ListenerId
}
name_type! {
    /// The last part of a rule's ARN: 16 hexadecimal digits (ELBv2 API, Rule).
    RuleId
}
name_type! {
    /// The last part of a certificate's ARN: a UUID (ACM API, RequestCertificate).
    CertificateId
}
name_type! {
    /// A key of `target_groups`; at most 32 of `[A-Za-z0-9-]` (ELBv2 API, CreateTargetGroup).
    TargetGroupName
}
name_type! {
    /// The ECS cluster; `^[a-zA-Z0-9\-_]{1,255}$` (ECS API, CreateCluster).
    ClusterName
}
name_type! {
    /// A key of `services`; `^[a-zA-Z0-9\-_]{1,255}$` (ECS API, CreateService).
    ServiceName
}
name_type! {
    /// The name of a container inside a task definition.
    ContainerName
}
name_type! {
    /// The last part of a task ARN: 32 hexadecimal digits.
    TaskId
}

name_type! {
    /// A deployment of a service: `ecs-svc/` and 19 digits.
    DeploymentId
}

name_type! {
    /// A machine that runs tasks, under the name that its runtime gives it.
    NodeName
}
name_type! {
    /// An availability zone: a region and a letter.
    Zone
}

impl TaskId {
    /// The first eight digits: the short form shown to people.
    pub fn short(&self) -> &str {
        self.as_str().get(..8).unwrap_or(self.as_str())
    }
}
