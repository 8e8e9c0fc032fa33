//! Paths of the repository as text: `/` between parts, relative to its root.

/// Where a pipeline's runner has checked out the repository.
pub(super) const WORKSPACE: &str = "/workspace";

/// `path` as seen from `folder`, without `.` and `..`; the root is `""`.
pub(crate) fn join(folder: &str, path: &str) -> String {
    let path = path.trim();
    let (folder, path) = match path.strip_prefix(WORKSPACE) {
        Some(inside) => ("", inside),
        None => (folder, path),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// `path` (of the repository) as one would write it inside `folder`.
pub(crate) fn relative_to(folder: &str, path: &str) -> String {
    let (mut from, mut to): (Vec<&str>, Vec<&str>) = (parts(folder), parts(path));
    while !from.is_empty() && from.first() == to.first() {
        from.remove(0);
        to.remove(0);
    }
    let up = std::iter::repeat_n("..", from.len());
    up.chain(to).collect::<Vec<_>>().join("/")
}

/// The folder that a file is in.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The last part of a path.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_and_taken_apart() {
        assert_eq!(join("a/b", "../c/./d"), "a/c/d");
        assert_eq!(join("a", "/workspace/x"), "x");
        assert_eq!(join("", "."), "");
        assert_eq!(relative_to("a/b", "a/c/Dockerfile"), "../c/Dockerfile");
        assert_eq!(relative_to("", "a/Dockerfile"), "a/Dockerfile");
        assert_eq!((parent("a/b/c"), parent("c"), name("a/b")), ("a/b", "", "b"));
    }
}
