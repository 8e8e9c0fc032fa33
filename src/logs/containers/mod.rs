//! Output of containers, kept as files by log group and stream, as CloudWatch Logs would have it.
//!
//! `collector` and `keeper` write them in the process that runs the stack; `reader` merges them for `neargate logs`, which needs
//! no process at all. A line on disk is `<RFC 3339 timestamp> <stream> <text>`, the stream being `stdout` or `stderr`.

pub mod collector;
mod keeper;
pub mod reader;

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
