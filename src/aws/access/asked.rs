//! The IAM actions and resources that a call asks for (Service Authorization Reference).

use crate::iam::context::Context;

/// One permission that a call needs.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::aws) struct Asked {
    /// `ecs:UpdateService`
    pub(in crate::aws) action: String,
    /// What policies may call the resource. It suffices that one of them is allowed.
    pub(in crate::aws) resources: Vec<String>,
    /// As messages name it; `None`: they do not.
    pub(in crate::aws) shown: Option<String>,
    /// Condition keys of the service.
    pub(in crate::aws) context: Context,
}

impl Asked {
    /// On one resource, which messages name.
    pub(in crate::aws) fn on(action: &str, resource: impl Into<String>) -> Self {
        let resource = resource.into();
        Self {
            action: action.to_owned(),
            resources: vec![resource.clone()],
            shown: Some(resource),
            context: Context::default(),
        }
    }

    /// Whatever the resource.
    pub(in crate::aws) fn on_all(action: &str) -> Self {
        Self::on(action, "*")
    }

    /// Messages do not name the resource.
    pub(super) fn unnamed(self) -> Self {
        Self { shown: None, ..self }
    }

    /// Policies may also call it this.
    pub(super) fn or(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// Messages call it this.
    pub(super) fn shown_as(self, name: impl Into<String>) -> Self {
        Self { shown: Some(name.into()), ..self }
    }

    /// With a condition key.
    pub(super) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.context.set(key, value);
        self
    }
}
