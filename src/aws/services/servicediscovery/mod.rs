//! AWS Cloud Map (its API reference): namespaces, the services in them and their instances. Namespaces and services are those that
//! clients create, and those of the file. ECS registers tasks as instances; clients may register others, which only
//! DiscoverInstances knows.

mod faults;
mod filter;
mod instances;
mod known;
mod namespaces;
mod operations;
mod services;
mod tagging;

pub(super) use self::known::name_of as namespace_name;
pub(super) use self::services::{exists, registry};

use crate::aws::action::Action;

pub(super) const ACTIONS: &[Action] = &[
    Action { name: "CreateHttpNamespace", decide: namespaces::create_http },
    Action { name: "CreatePrivateDnsNamespace", decide: namespaces::create_private_dns },
    Action { name: "CreateService", decide: services::create },
    Action { name: "DeleteNamespace", decide: namespaces::delete },
    Action { name: "DeleteService", decide: services::delete },
    Action { name: "DeregisterInstance", decide: instances::deregister },
    Action { name: "DiscoverInstances", decide: instances::discover },
    Action { name: "GetInstance", decide: instances::get },
    Action { name: "GetInstancesHealthStatus", decide: instances::health },
    Action { name: "GetNamespace", decide: namespaces::get },
    Action { name: "GetOperation", decide: operations::get },
    Action { name: "GetService", decide: services::get },
    Action { name: "ListInstances", decide: instances::list },
    Action { name: "ListNamespaces", decide: namespaces::list },
    Action { name: "ListServices", decide: services::list },
    Action { name: "ListTagsForResource", decide: tagging::list },
    Action { name: "RegisterInstance", decide: instances::register },
    Action { name: "TagResource", decide: tagging::tag },
    Action { name: "UntagResource", decide: tagging::untag },
    Action { name: "UpdateHttpNamespace", decide: namespaces::update },
    Action { name: "UpdatePrivateDnsNamespace", decide: namespaces::update },
    Action { name: "UpdateService", decide: services::update },
];
