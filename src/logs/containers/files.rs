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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_stays_below_the_folder() {
        let file = file_of(Path::new("/logs"), "/ecs/../../etc", "ecs/web/0123");
        assert_eq!(file, Path::new("/logs/ecs/etc/ecs/web/0123.log"));
    }
}
