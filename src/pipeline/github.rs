//! What a step knows of its run: the contexts `github` and `runner`, and GITHUB_* and RUNNER_* variables.

use crate::expression::value::Value;

/// What this run is about, from the local repository and the command line.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// `owner/name`
    pub repository: String,
    /// The commit that is checked out.
    pub sha: String,
    /// `refs/heads/main`, `refs/tags/v1`
    pub reference: String,
    /// Who runs it.
    pub actor: String,
    /// `push`, `workflow_dispatch`
    pub event_name: String,
    /// The name of the workflow, or its path.
    pub workflow: String,
    /// `.github/workflows/deploy.yml`
    pub workflow_path: String,
    /// Counts runs.
    pub run_id: String,
    /// `inputs` of a run started by hand.
    pub inputs: Value,
    /// `Linux`, `macOS`
    pub os: String,
    /// `X64`, `ARM64`
    pub arch: String,
}

/// Where a job has its files.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// GITHUB_WORKSPACE
    pub workspace: String,
    /// RUNNER_TEMP
    pub temp: String,
    /// RUNNER_TOOL_CACHE
    pub tool_cache: String,
    /// GITHUB_EVENT_PATH
    pub event: String,
}

const SERVER: &str = "https://github.com";
const API: &str = "https://api.github.com";

impl Facts {
    /// `main`, `v1`
    pub fn ref_name(&self) -> &str {
        self.reference.splitn(3, '/').nth(2).unwrap_or(&self.reference)
    }

    /// `branch`, `tag`
    pub fn ref_type(&self) -> &'static str {
        if self.reference.starts_with("refs/tags/") { "tag" } else { "branch" }
    }

    /// The owner of the repository.
    pub fn owner(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }

    /// The webhook's payload, as far as workflows of deployments ask for it.
    pub fn event(&self) -> Value {
        let name = self.repository.rsplit('/').next().unwrap_or_default();
        Value::map([
            ("ref", Value::from(self.reference.as_str())),
            ("after", Value::from(self.sha.as_str())),
            ("before", Value::from("0000000000000000000000000000000000000000")),
            ("head_commit", Value::map([("id", Value::from(self.sha.as_str())), ("message", Value::from(""))])),
            ("inputs", self.inputs.clone()),
            (
                "repository",
                Value::map([
                    ("name", Value::from(name)),
                    ("full_name", Value::from(self.repository.as_str())),
                    ("owner", Value::texts([("login", self.owner())])),
                    ("default_branch", Value::from("main")),
                ]),
            ),
            ("sender", Value::texts([("login", self.actor.as_str())])),
        ])
    }

    /// What context and variables have in common, by the name in the context.
    fn common<'f>(&'f self, places: &'f Places, job: &'f str) -> Vec<(&'static str, String)> {
        let texts = [
            ("actor", self.actor.as_str()),
            ("actor_id", "1"),
            ("api_url", API),
            ("base_ref", ""),
            ("event_name", &self.event_name),
            ("event_path", &places.event),
            ("graphql_url", "https://api.github.com/graphql"),
            ("head_ref", ""),
            ("job", job),
            ("ref", &self.reference),
            ("ref_name", self.ref_name()),
            ("ref_protected", "false"),
            ("ref_type", self.ref_type()),
            ("repository", &self.repository),
            ("repository_id", "1"),
            ("repository_owner", self.owner()),
            ("repository_owner_id", "1"),
            ("retention_days", "90"),
            ("run_attempt", "1"),
            ("run_id", &self.run_id),
            ("run_number", "1"),
            ("server_url", SERVER),
            ("sha", &self.sha),
            ("triggering_actor", &self.actor),
            ("workflow", &self.workflow),
            ("workflow_sha", &self.sha),
            ("workspace", &places.workspace),
        ];
        let workflow_ref = format!("{}/{}@{}", self.repository, self.workflow_path, self.reference);
        let texts = texts.into_iter().map(|(name, value)| (name, value.to_owned()));
        texts.chain(std::iter::once(("workflow_ref", workflow_ref))).collect()
    }

    /// The context `github`.
    pub fn context(&self, places: &Places, job: &str, token: &str, more: &[(&'static str, String)]) -> Value {
        let common = self.common(places, job).into_iter().chain(more.iter().cloned());
        let mut members: Vec<(&str, Value)> = common.map(|(name, value)| (name, Value::Text(value))).collect();
        members.push(("event", self.event()));
        members.push(("repositoryUrl", Value::Text(format!("git://github.com/{}.git", self.repository))));
        members.push(("secret_source", Value::from("Actions")));
        members.push(("token", Value::from(token)));
        Value::map(members)
    }

    /// The context `runner`.
    pub fn runner(&self, places: &Places) -> Value {
        Value::texts([
            ("name", "neargate"),
            ("os", self.os.as_str()),
            ("arch", self.arch.as_str()),
            ("temp", places.temp.as_str()),
            ("tool_cache", places.tool_cache.as_str()),
            ("environment", "self-hosted"),
            ("debug", ""),
        ])
    }

    /// The variables that every step has. The token is not among them: it is only given by `${{ }}`.
    pub fn variables(&self, places: &Places, job: &str) -> Vec<(String, String)> {
        let github = self
            .common(places, job)
            .into_iter()
            .map(|(name, value)| (format!("GITHUB_{}", name.to_uppercase()), value));
        let more = [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("RUNNER_NAME", "neargate"),
            ("RUNNER_OS", &self.os),
            ("RUNNER_ARCH", &self.arch),
            ("RUNNER_TEMP", &places.temp),
            ("RUNNER_TOOL_CACHE", &places.tool_cache),
            ("RUNNER_ENVIRONMENT", "self-hosted"),
            ("RUNNER_WORKSPACE", &places.workspace),
        ];
        github.chain(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).collect()
    }
}

/// GitHub's issuer of tokens of identity.
pub const ISSUER: &str = "https://token.actions.githubusercontent.com";

impl Facts {
    /// What a token of identity claims (GitHub docs, "OpenID Connect reference"). The subject names the environment of the
    /// job, if it has one, and otherwise the branch or the tag.
    pub fn claims(&self, environment: Option<&str>, audience: Option<&str>, id: &str, now: u64) -> serde_json::Value {
        let subject = match environment {
            Some(environment) => format!("repo:{}:environment:{environment}", self.repository),
            None => format!("repo:{}:ref:{}", self.repository, self.reference),
        };
        let own_audience = format!("{SERVER}/{}", self.owner());
        let workflow_ref = format!("{}/{}@{}", self.repository, self.workflow_path, self.reference);
        let mut claims = serde_json::json!({
            "jti": id,
            "sub": subject,
            "aud": audience.unwrap_or(&own_audience),
            "ref": self.reference,
            "sha": self.sha,
            "repository": self.repository,
            "repository_owner": self.owner(),
            "repository_owner_id": "1",
            "repository_id": "1",
            "repository_visibility": "private",
            "run_id": self.run_id,
            "run_number": "1",
            "run_attempt": "1",
            "actor": self.actor,
            "actor_id": "1",
            "workflow": self.workflow,
            "workflow_ref": workflow_ref,
            "workflow_sha": self.sha,
            "job_workflow_ref": workflow_ref,
            "job_workflow_sha": self.sha,
            "head_ref": "",
            "base_ref": "",
            "event_name": self.event_name,
            "ref_type": self.ref_type(),
            "ref_protected": "false",
            "runner_environment": "self-hosted",
            "iss": ISSUER,
            "nbf": now.saturating_sub(600),
            "iat": now,
            "exp": now + 300,
        });
        if let (Some(environment), Some(claims)) = (environment, claims.as_object_mut()) {
            claims.insert("environment".to_owned(), environment.into());
        }
        claims
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_claims_what_github_documents() {
        let facts = Facts {
            repository: "octo-org/octo-repo".to_owned(),
            reference: "refs/heads/main".to_owned(),
            workflow_path: ".github/workflows/oidc.yml".to_owned(),
            ..Facts::default()
        };
        let claims = facts.claims(Some("prod"), Some("sts.amazonaws.com"), "id", 1000);
        assert_eq!(claims["sub"], "repo:octo-org/octo-repo:environment:prod");
        assert_eq!((&claims["aud"], &claims["exp"]), (&"sts.amazonaws.com".into(), &1300.into()));
        assert_eq!(claims["job_workflow_ref"], "octo-org/octo-repo/.github/workflows/oidc.yml@refs/heads/main");
        let claims = facts.claims(None, None, "id", 1000);
        assert_eq!(claims["sub"], "repo:octo-org/octo-repo:ref:refs/heads/main");
        assert_eq!(claims["aud"], "https://github.com/octo-org");
        assert_eq!((facts.ref_name(), facts.ref_type(), facts.owner()), ("main", "branch", "octo-org"));
    }
}
