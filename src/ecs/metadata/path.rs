//! The paths of the endpoint.

/// Versions of the metadata whose paths name a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// `/v3/…`
    V3,
    /// `/v4/…`
    V4,
}

/// What a path names. An id is not known to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path<'a> {
    Container(Version, &'a str),
    Task(Version, &'a str),
    TaskWithTags(Version, &'a str),
    ContainerStats(Version, &'a str),
    TaskStats(Version, &'a str),
    /// Without an id if it is missing.
    Credentials(Option<&'a str>),
    Protection(&'a str),
}

impl<'a> Path<'a> {
    /// Reads path and query. `None`: there is no such path.
    pub(super) fn parse(path: &'a str, query: Option<&'a str>) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        match segments.as_slice() {
            ["v1", "credentials"] => {
                let id = query.into_iter().flat_map(|query| query.split('&')).find_map(|pair| pair.strip_prefix("id="));
                Some(Self::Credentials(id.filter(|id| !id.is_empty())))
            }
            ["v2", "credentials"] | ["v2", "credentials", ""] => Some(Self::Credentials(None)),
            ["v2", "credentials", id] => Some(Self::Credentials(Some(id))),
            ["api", id, "task-protection", "v1", "state"] => Some(Self::Protection(id)),
            ["v3", id, rest @ ..] if !id.is_empty() => Self::metadata(Version::V3, id, rest),
            ["v4", id, rest @ ..] if !id.is_empty() => Self::metadata(Version::V4, id, rest),
            _ => None,
        }
    }

    fn metadata(version: Version, id: &'a str, rest: &[&str]) -> Option<Self> {
        match rest {
            [] => Some(Self::Container(version, id)),
            ["task"] => Some(Self::Task(version, id)),
            ["taskWithTags"] => Some(Self::TaskWithTags(version, id)),
            ["stats"] => Some(Self::ContainerStats(version, id)),
            ["task", "stats"] => Some(Self::TaskStats(version, id)),
            _ => None,
        }
    }
}
