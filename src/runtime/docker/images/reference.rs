//! Image references, as `docker pull` understands them.

use std::fmt;

/// The default registry.
pub(crate) const DOCKER_HUB: &str = "docker.io";

/// A reference in which all defaults are explicit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// `docker.io`, `ghcr.io`, `localhost:5000`
    pub(crate) registry: String,
    /// `library/nginx`
    pub(crate) path: String,
    /// `latest` if there is neither a tag nor a digest.
    pub(crate) tag: Option<String>,
    /// `sha256:…`
    pub(crate) digest: Option<String>,
}

impl Reference {
    /// Parses a reference; the engine checks whether its characters are allowed.
    pub(crate) fn parse(text: &str) -> Self {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_owned())),
            None => (text, None),
        };
        let last = name.rsplit('/').next().unwrap_or(name);
        let (name, tag) = match last.rsplit_once(':') {
            Some((_, tag)) => (&name[..name.len() - tag.len() - 1], Some(tag.to_owned())),
            None => (name, None),
        };
        let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
        // A first part is a registry only if it cannot be a user of Docker Hub.
        let (registry, path) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest.to_owned()),
            Some(_) => (DOCKER_HUB, name.to_owned()),
            None => (DOCKER_HUB, format!("library/{name}")),
        };
        let registry = if registry == "index.docker.io" { DOCKER_HUB } else { registry };
        Self { registry: registry.to_owned(), path, tag, digest }
    }

    /// The repository, for the engine's `fromImage`.
    pub(crate) fn repository(&self) -> String {
        format!("{}/{}", self.registry, self.path)
    }

    /// The tag or digest, for the engine's `tag`. Without one, the engine would pull every tag.
    pub(crate) fn version(&self) -> &str {
        self.digest.as_deref().or(self.tag.as_deref()).unwrap_or("latest")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_said() {
        let cases = [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("me/app", "docker.io/me/app:latest"),
            ("docker.io/library/nginx:1", "docker.io/library/nginx:1"),
            ("index.docker.io/me/app:1", "docker.io/me/app:1"),
            ("ghcr.io/org/app:main", "ghcr.io/org/app:main"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
            (
                "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1",
                "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1",
            ),
            ("app@sha256:ab", "docker.io/library/app@sha256:ab"),
            ("ghcr.io/o/app:1@sha256:ab", "ghcr.io/o/app:1@sha256:ab"),
        ];
        for (text, full) in cases {
            assert_eq!(Reference::parse(text).to_string(), full);
        }
        assert_eq!(Reference::parse("ghcr.io/o/app:1@sha256:ab").version(), "sha256:ab");
        assert_eq!(Reference::parse("localhost:5000/app").repository(), "localhost:5000/app");
    }
}
