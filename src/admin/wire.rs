//! The messages on the control socket.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::admin::view::shape::ClusterView;
use crate::model::settled_request::SettledRequest;
use crate::model::task_definition::TaskDefinition;

/// One line from the client.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// The view as it is.
    View,
    /// The view now and after each change.
    Watch,
    /// Make the stack as this file wants it.
    Apply(UpRequest),
    /// Replace the tasks of one service, or of all.
    Restart {
        /// `None` is all.
        service: Option<String>,
    },
    /// Build the images of these containers again, as pairs of service and container.
    Rebuild {
        /// Whose.
        containers: Vec<(String, String)>,
    },
    /// Restart these containers as they are.
    RestartContainers {
        /// Which.
        containers: Vec<(String, String)>,
    },
    /// Run another number of tasks of a service.
    Scale {
        /// Which one.
        service: String,
        /// `None` is the file's.
        count: Option<u32>,
    },
    /// Stop one task.
    StopTask {
        /// Its id, in full.
        task: String,
    },
    /// Decide about a deployment that a lifecycle hook has paused.
    ContinueDeployment {
        /// Whose.
        service: String,
        /// Whether it is rolled back instead.
        rollback: bool,
    },
    /// Deploy another revision of what a service runs.
    Deploy(DeployRequest),
    /// Stop the deployment of a service that is in progress.
    StopDeployment {
        /// Whose.
        service: String,
        /// Everything stays as it is now, and the last completed deployment is not restored.
        abort: bool,
    },
    /// Every request to the load balancers from now on, when it is settled.
    Requests,
    /// Run tasks that belong to no service.
    RunTask(RunTaskRequest),
    /// Take everything down and exit.
    ShutDown {
        /// Without waiting for requests in flight and for containers to stop by themselves.
        force: bool,
        /// The journal stays, for the next `up`.
        #[serde(default)]
        keep: bool,
    },
}

/// A listener's local port: `443=8443`, or `internal:443=8443` for one of several load balancers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listen {
    /// Whose listener it is, if that was said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub load_balancer: Option<String>,
    /// The port of the file.
    pub port: u16,
    /// The port to bind.
    pub local: u16,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.load_balancer {
            write!(f, "{name}:")?;
        }
        write!(f, "{}={}", self.port, self.local)
    }
}

/// All that decides what `up` makes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpRequest {
    /// The file, absolute.
    pub file: PathBuf,
    /// Files that are laid over it, absolute.
    #[serde(default)]
    pub overrides: Vec<PathBuf>,
    /// Files with variables, absolute; none is `.env` beside the file.
    #[serde(default)]
    pub env_files: Vec<PathBuf>,
    /// The variables that the file refers to, with the values they have where `up` was typed.
    pub environment: BTreeMap<String, String>,
    /// `--listen 443=8443`
    pub listen: Vec<Listen>,
    /// `--time-scale`
    pub time_scale: Option<f64>,
    /// `--project-name`
    pub project_name: Option<String>,
    /// `--no-build`
    #[serde(default)]
    pub no_build: bool,
    /// `--pull`
    pub pull: bool,
    /// `--take-over`: also if the stack runs from another folder.
    #[serde(default)]
    pub take_over: bool,
    /// `--reset`: nothing stays of what commands have changed.
    #[serde(default)]
    pub reset: bool,
    /// `--admin`; only looked at when a stack starts.
    #[serde(default)]
    pub admin: Option<SocketAddr>,
    /// `--aws`; likewise.
    #[serde(default)]
    pub aws: Option<SocketAddr>,
}

/// What to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhatToRun {
    /// What the file says, to be registered.
    Definition(Box<TaskDefinition>),
    /// A family, or a revision as `family:revision`.
    Registered(String),
    /// What the service runs now.
    Current,
}

/// Images and variables in place of those of a task definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replacements {
    /// `--image container=ref`
    #[serde(default)]
    pub images: BTreeMap<String, String>,
    /// `--env container.KEY=VALUE`
    #[serde(default)]
    pub environment: BTreeMap<String, BTreeMap<String, String>>,
}

/// All that decides what `deploy` does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployRequest {
    /// `--cluster`
    pub cluster: Option<String>,
    /// The service.
    pub service: String,
    /// What its tasks run.
    pub task_definition: WhatToRun,
    /// What becomes part of the new revision.
    pub replacements: Replacements,
    /// `--build`
    pub build: bool,
    /// `--force-new-deployment`
    pub force_new_deployment: bool,
}

/// All that decides what `run-task` does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunTaskRequest {
    /// `--cluster`
    pub cluster: Option<String>,
    /// What the tasks run.
    pub task_definition: WhatToRun,
    /// Images, which become part of a new revision, and variables, which do not.
    pub replacements: Replacements,
    /// A container, or the first essential one, and its `command`.
    pub command: Option<(Option<String>, Vec<String>)>,
    /// How many tasks.
    pub count: u8,
    /// `startedBy`
    pub started_by: Option<String>,
}

/// One line from the server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// To `View` and `Watch`.
    View(Box<ClusterView>),
    /// It was done.
    Done {
        /// The process that did it.
        pid: u32,
        /// To `Apply`: what differed, in words.
        #[serde(default)]
        changes: Vec<String>,
    },
    /// To `Deploy`.
    Deployed {
        /// `family:revision`
        task_definition: String,
        /// The PRIMARY deployment of the service.
        deployment: String,
    },
    /// To `StopDeployment`: what was stopped, and what is restored.
    Stopped {
        /// The id of the deployment that was stopped.
        deployment: String,
        /// `family:revision` of that.
        task_definition: String,
        /// The deployment that is restored, if any.
        restored: Option<String>,
    },
    /// To `Requests`, first: those that come from now on will be told.
    Listening,
    /// To `Requests`.
    Settled(SettledRequest),
    /// To `RunTask`.
    Running {
        /// `family:revision`
        task_definition: String,
        /// Ids of the tasks.
        tasks: Vec<String>,
    },
    /// To `Apply`: the stack is being taken down.
    Ending {
        /// The process that will end.
        pid: u32,
    },
    /// It was refused.
    Refused(Refused),
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why, for people.
    pub message: String,
    /// The exit code that the command ends with.
    pub exit_code: u8,
}

impl Refused {
    /// The request itself is wrong: a service that does not exist, an invalid file.
    pub fn usage(message: impl ToString) -> Self {
        Self { message: message.to_string(), exit_code: 2 }
    }

    /// The request is right and could not be carried out.
    pub fn failed(message: impl ToString) -> Self {
        Self { message: message.to_string(), exit_code: 1 }
    }
}
