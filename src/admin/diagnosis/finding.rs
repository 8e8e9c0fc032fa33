//! One problem, with its cause and its fix.

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What is concerned, e.g. `target tg-backend 172.18.0.2:8000`.
    pub subject: String,
    /// What AWS would show.
    pub symptom: String,
    /// What clients of the load balancer get because of it, if anything.
    pub effect: Option<String>,
    /// Why.
    pub cause: String,
    /// What to do about it.
    pub fix: String,
    /// The container whose output says more.
    pub container: Option<ContainerOfTask>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The stack does not do what the file asks for.
    Problem,
    /// Worth knowing; it may have passed already.
    Note,
}

/// A container, and the task it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerOfTask {
    /// The task's id.
    pub task: String,
    /// The container's name.
    pub container: String,
}
