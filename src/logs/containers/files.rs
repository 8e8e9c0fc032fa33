//! The location of a container's output.

use std::path::{Path, PathBuf};

/// The file of one stream. Slashes in the names make folders; what could climb out of them does not.
pub fn file_of(folder: &Path, group: &str, stream: &str) -> PathBuf {
    let mut path = folder.to_path_buf();
    for part in group.split('/').chain(stream.split('/')) {
        if !matches!(part, "" | "." | "..") {
            path.push(part);
        }
    }
    path.set_extension("log");
    path
}

/// The streams of a group that have files: `prefix/container/task`.
pub fn streams_of(folder: &Path, group: &str) -> Vec<String> {
    let top = file_of(folder, group, "").with_extension("");
    let mut streams = Vec::new();
    let below = |path: &Path| {
        let entries = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    for prefix in below(&top) {
        for container in below(&prefix) {
            let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
            let files = below(&container).into_iter().filter(is_log).map(|file| file.with_extension(""));
            let names = files.filter_map(|file| file.strip_prefix(&top).ok().map(Path::to_path_buf));
            streams.extend(names.map(|name| name.to_string_lossy().into_owned()));
        }
    }
    streams
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_stays_below_the_folder() {
        let file = file_of(Path::new("/logs"), "/ecs/../../etc", "ecs/web/0123");
        assert_eq!(file, Path::new("/logs/ecs/etc/ecs/web/0123.log"));
    }
}
