//! What `uses` names.

/// An action, as a step names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `owner/repository/path@ref`
    Repository {
        /// `owner/repository`
        repository: String,
        /// Below the repository's top; empty for the top itself.
        path: String,
        /// A tag, a branch or a commit.
        version: String,
    },
    /// `./path`: in the workspace.
    Local(String),
    /// `docker://image`
    Image(String),
}

impl Reference {
    /// Reads it; an error in GitHub's words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(image) = text.strip_prefix("docker://") {
            return Ok(Self::Image(image.to_owned()));
        }
        if text.starts_with("./") || text == "." {
            return Ok(Self::Local(text.trim_start_matches("./").to_owned()));
        }
        let invalid = || format!("Expected format {{org}}/{{repo}}[/path]@ref. Actual '{text}'");
        let (name, version) = text.split_once('@').filter(|(_, version)| !version.is_empty()).ok_or_else(invalid)?;
        // They become folders of the cache and arguments of git.
        let is_plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('-')
                && !matches!(part, "." | "..")
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        let mut parts = name.split('/');
        let (Some(owner), Some(repository)) = (parts.next(), parts.next()) else { return Err(invalid()) };
        let path: Vec<&str> = parts.collect();
        let is_path = path.iter().all(|part| !part.is_empty() && *part != "..");
        let is_version = version.split('/').all(is_plain);
        if !is_plain(owner) || !is_plain(repository) || !is_path || !is_version {
            return Err(invalid());
        }
        Ok(Self::Repository {
            repository: format!("{owner}/{repository}"),
            path: path.join("/"),
            version: version.to_owned(),
        })
    }

    /// How its step is carried out here, if not by its own code.
    pub fn stand_in(&self) -> Option<StandIn> {
        let Self::Repository { repository, path, .. } = self else { return None };
        let name = if path.is_empty() { repository.clone() } else { format!("{repository}/{path}") };
        STAND_INS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, stand_in)| *stand_in)
    }
}

/// What neargate does in the place of an action that needs GitHub itself, or a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandIn {
    /// `actions/checkout`: the working tree as it is.
    Checkout,
    /// `docker/build-push-action`: built on the engine of this machine, and not pushed.
    Build,
    /// `aws-actions/amazon-ecr-login`: only the name of the registry.
    Ecr,
    /// Nothing, and why.
    Nothing(&'static str),
}

const NO_LOGIN: StandIn = StandIn::Nothing("no registry takes part: images stay on this machine");
const NO_BUILDER: StandIn = StandIn::Nothing("the engine's own builder is used");
const NO_CACHE: StandIn = StandIn::Nothing("GitHub's cache is not on this machine");
const NO_ARTIFACTS: StandIn = StandIn::Nothing("GitHub's artifacts are not on this machine");

const STAND_INS: &[(&str, StandIn)] = &[
    ("actions/checkout", StandIn::Checkout),
    ("docker/build-push-action", StandIn::Build),
    ("docker/login-action", NO_LOGIN),
    ("aws-actions/amazon-ecr-login", StandIn::Ecr),
    ("docker/setup-buildx-action", NO_BUILDER),
    ("docker/setup-qemu-action", NO_BUILDER),
    ("actions/cache", NO_CACHE),
    ("actions/cache/restore", NO_CACHE),
    ("actions/cache/save", NO_CACHE),
    ("actions/upload-artifact", NO_ARTIFACTS),
    ("actions/download-artifact", NO_ARTIFACTS),
];

impl StandIn {
    /// In words, for the plan and the log.
    pub fn words(self) -> &'static str {
        match self {
            Self::Checkout => "the working tree as it is, in a copy",
            Self::Build => "built by the engine of this machine, not pushed",
            Self::Ecr => "only the name of the registry: images stay on this machine",
            Self::Nothing(why) => why,
        }
    }
}
