//! What a workflow says, before any expression has a value.

use neargate_config::Span;
use neargate_config::text::tree::Node;

/// A text that may hold expressions, and its place.
#[derive(Clone, Debug)]
pub struct Template {
    /// As written.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// Named texts, in their order.
pub type Pairs = Vec<(String, Template)>;

/// A workflow.
#[derive(Clone, Debug, Default)]
pub struct Workflow {
    /// `name`
    pub name: Option<String>,
    /// The events of `on`.
    pub events: Vec<String>,
    /// The inputs of `workflow_dispatch`.
    pub inputs: Vec<Input>,
    /// `env`
    pub env: Pairs,
    /// `defaults.run`
    pub defaults: Defaults,
    /// Whether `permissions` let every job ask for a token of identity.
    pub id_token: bool,
    /// In the order of the file.
    pub jobs: Vec<Job>,
}

/// An input of a workflow that is started by hand.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its default.
    pub default: Option<String>,
    /// Whether GitHub asks for it.
    pub required: bool,
    /// `type: boolean`
    pub is_boolean: bool,
}

/// `defaults.run`
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// `shell`
    pub shell: Option<Template>,
    /// `working-directory`
    pub working_directory: Option<Template>,
}

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its key.
    pub id: String,
    /// Where.
    pub span: Span,
    /// `name`
    pub name: Option<Template>,
    /// `needs`
    pub needs: Vec<Template>,
    /// `if`
    pub condition: Option<Template>,
    /// `runs-on`, as text.
    pub runs_on: Option<String>,
    /// `env`
    pub env: Pairs,
    /// `defaults.run`
    pub defaults: Defaults,
    /// `environment`
    pub environment: Option<Template>,
    /// Whether its own `permissions` let it ask for a token of identity; `None` if it has none.
    pub id_token: Option<bool>,
    /// `strategy.matrix`
    pub matrix: Option<Node>,
    /// `strategy.fail-fast`
    pub fail_fast: Option<Template>,
    /// `outputs`
    pub outputs: Pairs,
    /// `continue-on-error`
    pub continue_on_error: Option<Template>,
    /// `timeout-minutes`
    pub timeout_minutes: Option<Template>,
    /// What it does.
    pub work: Work,
    /// What neargate does not do for it, in words: `services`, `container`.
    pub unsupported: Vec<(Span, String)>,
}

/// What a job does.
#[derive(Clone, Debug)]
pub enum Work {
    /// Its steps.
    Steps(Vec<Step>),
    /// `uses`: another workflow.
    Workflow(Template),
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where.
    pub span: Span,
    /// `id`
    pub id: Option<String>,
    /// `name`
    pub name: Option<Template>,
    /// `if`
    pub condition: Option<Template>,
    /// `env`
    pub env: Pairs,
    /// `continue-on-error`
    pub continue_on_error: Option<Template>,
    /// `timeout-minutes`
    pub timeout_minutes: Option<Template>,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// `run`
    Run {
        /// The script.
        script: Template,
        /// `shell`
        shell: Option<Template>,
        /// `working-directory`
        working_directory: Option<Template>,
    },
    /// `uses`
    Uses {
        /// The action.
        action: Template,
        /// `with`
        with: Pairs,
    },
}

impl Step {
    /// As GitHub names a step without a name.
    pub fn title(&self) -> String {
        match (&self.name, &self.action) {
            (Some(name), _) => name.text.clone(),
            (None, Action::Uses { action, .. }) => format!("Run {}", action.text),
            (None, Action::Run { script, .. }) => {
                format!("Run {}", script.text.trim().lines().next().unwrap_or_default())
            }
        }
    }
}
