//! What `init` will write, while it is made and when it is done.

use super::images::Found;
use super::services::Chosen;
use super::value::Value;
use crate::definition::Container;
use crate::pipeline::found::Place;

/// Everything that goes into the file, and what is said about it.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) domain: Reasoned<String>,
    pub(crate) cluster: String,
    pub(crate) services: Vec<Service>,
    /// The default first.
    pub(crate) routes: Vec<Route>,
    pub(crate) secrets: Vec<(String, Value)>,
    /// Services of which one of several variants was taken.
    pub(crate) variants: Vec<String>,
    /// What to tell besides the reasons.
    pub(crate) notes: Vec<String>,
    /// Variables that must be set, and what for.
    pub(crate) variables: Vec<(String, String)>,
    /// Files that it was made from.
    pub(crate) sources: Vec<String>,
}

/// A guess with its reason.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reasoned<T> {
    pub(crate) value: T,
    pub(crate) why: String,
}

/// A service.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) task_definition: Reasoned<String>,
    pub(crate) builds: Vec<BuildPlan>,
    /// Containers that are pulled, with the image and why.
    pub(crate) pulled: Vec<(String, Reasoned<String>)>,
    /// What the pipeline adds when it deploys, by container.
    pub(crate) environment: Vec<(String, Vec<(String, Value)>)>,
}

/// A container's image that is built here.
#[derive(Debug)]
pub(crate) struct BuildPlan {
    pub(crate) container: String,
    pub(crate) context: String,
    /// As in Compose, relative to the context.
    pub(crate) dockerfile: String,
    pub(crate) args: Vec<(String, Value)>,
    pub(crate) target: Option<String>,
    pub(crate) why: String,
}

/// A container behind the load balancer.
#[derive(Debug)]
pub(crate) struct Route {
    /// Index into [`Plan::services`].
    pub(crate) service: usize,
    pub(crate) container: String,
    pub(crate) target_group: String,
    pub(crate) port: u16,
    /// The path that tells its health; `None` if nothing says which.
    pub(crate) health: Option<Reasoned<String>>,
    pub(crate) matcher: Option<String>,
    /// None for the default action.
    pub(crate) paths: Vec<String>,
    pub(crate) why: String,
}

/// Why there is no plan.
#[derive(Debug)]
pub(crate) struct NoDefinition {
    /// What looks like a task definition and cannot be read.
    pub(crate) broken: Vec<(String, String)>,
    /// Where a script writes one while it runs.
    pub(crate) written: Vec<Place>,
    /// Families that a pipeline deploys.
    pub(crate) families: Vec<String>,
}

/// A service while it is being planned.
pub(crate) struct Draft<'a> {
    pub(super) chosen: Chosen<'a>,
    pub(super) name: String,
    /// Of every container, in order.
    pub(super) images: Vec<String>,
    pub(super) builds: Vec<Option<Found>>,
}

impl Draft<'_> {
    pub(super) fn containers(&self) -> impl Iterator<Item = (usize, &Container)> {
        self.chosen.facts.containers.iter().enumerate()
    }
}
