//! The actions of Amazon ECS that Fargate needs (Amazon ECS API reference).

mod clusters;
mod deployment_settings;
pub(in crate::aws) mod names;
mod pages;
mod protection;
mod service_deployments;
mod service_names;
mod service_record;
mod service_settings;
mod service_shape;
mod services;
mod tagging;
mod task_definition_shape;
mod task_definitions;
mod task_shape;
mod tasks;

use crate::aws::action::Action;

pub(super) const ACTIONS: &[Action] = &[
    Action { name: "ContinueServiceDeployment", decide: service_deployments::resume },
    Action { name: "CreateCluster", decide: clusters::create },
    Action { name: "CreateService", decide: services::create },
    Action { name: "DeleteCluster", decide: clusters::delete },
    Action { name: "DeleteService", decide: services::delete },
    Action { name: "DeregisterTaskDefinition", decide: task_definitions::deregister },
    Action { name: "DescribeClusters", decide: clusters::describe },
    Action { name: "DescribeServiceDeployments", decide: service_deployments::describe },
    Action { name: "DescribeServiceRevisions", decide: service_deployments::describe_revisions },
    Action { name: "DescribeServices", decide: services::describe },
    Action { name: "DescribeTaskDefinition", decide: task_definitions::describe },
    Action { name: "DescribeTasks", decide: tasks::describe },
    Action { name: "GetTaskProtection", decide: protection::get },
    Action { name: "ListClusters", decide: clusters::list },
    Action { name: "ListServiceDeployments", decide: service_deployments::list },
    Action { name: "ListServices", decide: services::list },
    Action { name: "ListTaskDefinitionFamilies", decide: task_definitions::list_families },
    Action { name: "ListTaskDefinitions", decide: task_definitions::list },
    Action { name: "ListTagsForResource", decide: tagging::list },
    Action { name: "ListTasks", decide: tasks::list },
    Action { name: "PutClusterCapacityProviders", decide: clusters::put_capacity_providers },
    Action { name: "RegisterTaskDefinition", decide: task_definitions::register },
    Action { name: "RunTask", decide: tasks::run },
    Action { name: "StopServiceDeployment", decide: service_deployments::stop },
    Action { name: "StopTask", decide: tasks::stop },
    Action { name: "TagResource", decide: tagging::tag },
    Action { name: "UntagResource", decide: tagging::untag },
    Action { name: "UpdateCluster", decide: clusters::update },
    Action { name: "UpdateClusterSettings", decide: clusters::update },
    Action { name: "UpdateService", decide: services::update },
    Action { name: "UpdateTaskProtection", decide: protection::update },
];
