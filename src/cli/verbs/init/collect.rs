//! Reads a folder into a [`Repository`]: regular files only, within limits, so that a pipe, a device or a home folder
//! with a million files does no harm.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::import::{Content, Repository};

/// Files and folders that are looked at.
const MAX_ENTRIES: usize = 60_000;
/// Folders inside folders.
const MAX_DEPTH: usize = 10;
/// Bytes of one file: the largest task definition that ECS registers has 64 KiB; templates and sources may be larger.
const MAX_FILE: u64 = 1 << 20;
/// Bytes of all texts together.
const MAX_TEXT: usize = 64 << 20;

/// Folders that hold what others wrote, or what a tool made.
const SKIPPED_FOLDERS: &[&str] = &[
    ".cache",
    ".git",
    ".gradle",
    ".hg",
    ".idea",
    ".mypy_cache",
    ".next",
    ".nuxt",
    ".pnpm-store",
    ".pytest_cache",
    ".svn",
    ".terraform",
    ".tox",
    ".venv",
    ".vscode",
    ".yarn",
    "__pycache__",
    "bower_components",
    "cdk.out",
    "coverage",
    "dist",
    "node_modules",
    "site-packages",
    "target",
    "vendor",
    "venv",
];

/// Kinds of files that say something: configuration, and sources that declare routes.
const READ_EXTENSIONS: &[&str] = &[
    "bat",
    "bicep",
    "clj",
    "cjs",
    "conf",
    "cs",
    "cts",
    "env",
    "erb",
    "ex",
    "exs",
    "fs",
    "gitignore",
    "go",
    "gradle",
    "groovy",
    "hcl",
    "htaccess",
    "ini",
    "j2",
    "java",
    "jenkinsfile",
    "js",
    "json",
    "json5",
    "jsonc",
    "jsx",
    "kt",
    "kts",
    "mjs",
    "mk",
    "mts",
    "php",
    "properties",
    "ps1",
    "py",
    "rb",
    "rs",
    "scala",
    "sh",
    "svelte",
    "template",
    "tf",
    "tmpl",
    "toml",
    "tpl",
    "ts",
    "tsx",
    "vue",
    "xml",
    "yaml",
    "yml",
];

/// Whole names without an extension that say something.
const READ_NAMES: &[&str] = &["caddyfile", "justfile", "makefile", "procfile", "rakefile", "taskfile"];

/// Names that are as long as they are useless here.
const UNREAD_NAMES: &[&str] =
    &["composer.lock", "npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "poetry.lock"];

/// Reads the folder. Shallow files come first, so that limits cut off what lies deepest.
pub(super) fn collect(root: &Path) -> Repository {
    let mut repository = Repository::default();
    let mut folders = VecDeque::from([(root.to_owned(), String::new(), 0)]);
    let (mut entries, mut bytes) = (0, 0);
    while let Some((folder, prefix, depth)) = folders.pop_front() {
        // A folder that may not be read is as good as empty.
        let Ok(listing) = fs::read_dir(&folder) else { continue };
        let mut listing: Vec<_> = listing.flatten().map(|entry| entry.path()).collect();
        listing.sort();
        for path in listing {
            entries += 1;
            if entries > MAX_ENTRIES {
                repository.cut();
                return repository;
            }
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let shown = format!("{prefix}{name}");
            match kind(&path, root) {
                Kind::Folder if SKIPPED_FOLDERS.contains(&name) => {}
                Kind::Folder if depth < MAX_DEPTH => folders.push_back((path, format!("{shown}/"), depth + 1)),
                Kind::Folder => repository.cut(),
                Kind::File if !is_read(name) => repository.insert(shown, Content::NotRead),
                Kind::File if bytes > MAX_TEXT => {
                    repository.cut();
                    repository.insert(shown, Content::NotRead);
                }
                Kind::File => {
                    let content = read(&path);
                    if let Content::Text(text) = &content {
                        bytes += text.len();
                    }
                    repository.insert(shown, content);
                }
                Kind::Other => {}
            }
        }
    }
    repository
}

enum Kind {
    File,
    Folder,
    Other,
}

/// Links count as what they lead to if that is a file inside the root; linked folders are not entered.
fn kind(path: &Path, root: &Path) -> Kind {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Kind::Other };
    let file_type = metadata.file_type();
    if file_type.is_dir() {
        return Kind::Folder;
    }
    if file_type.is_file() {
        return Kind::File;
    }
    let inside = |target: PathBuf| root.canonicalize().is_ok_and(|root| target.starts_with(root)) && target.is_file();
    if file_type.is_symlink() && path.canonicalize().is_ok_and(inside) { Kind::File } else { Kind::Other }
}

fn is_read(name: &str) -> bool {
    let name = name.to_lowercase();
    if UNREAD_NAMES.contains(&name.as_str()) || name.ends_with(".min.js") {
        return false;
    }
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    READ_NAMES.contains(&name.as_str())
        || ["dockerfile", "containerfile", "jenkinsfile", ".env"].iter().any(|word| name.contains(word))
        || extension.is_some_and(|extension| READ_EXTENSIONS.contains(&extension))
}

fn read(path: &Path) -> Content {
    let mut bytes = Vec::new();
    // The limit holds whatever size the file claims to have.
    let outcome: io::Result<usize> = File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    if outcome.is_err() {
        return Content::Unreadable("cannot be read");
    }
    if bytes.len() as u64 > MAX_FILE {
        return Content::Unreadable("is larger than 1 MiB");
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Content::Unreadable("is UTF-16, which PowerShell's `>` writes; save it as UTF-8");
    }
    match String::from_utf8(bytes) {
        Ok(text) => Content::Text(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(_) => Content::Unreadable("is not UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_within_limits_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("src/node_modules/x")).unwrap();
        fs::write(at("src/app.py"), "app").unwrap();
        fs::write(at("src/node_modules/x/index.js"), "x").unwrap();
        fs::write(at("src/picture.png"), [0x89, 0x50]).unwrap();
        fs::write(at("api.Dockerfile"), "FROM x").unwrap();
        fs::write(at("utf16.json"), [0xff, 0xfe, b'{', 0]).unwrap();
        fs::write(at("latin1.json"), [b'"', 0xe9, b'"']).unwrap();
        fs::write(at("bom.json"), "\u{feff}{}").unwrap();
        fs::write(at("large.json"), vec![b' '; usize::try_from(MAX_FILE).unwrap() + 1]).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("task-definition.json"), rustix::fs::Mode::RUSR).unwrap();
        std::os::unix::fs::symlink("api.Dockerfile", at("Dockerfile")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("zero.json")).unwrap();
        std::os::unix::fs::symlink("..", at("src/up")).unwrap();

        let repository = collect(folder.path());
        let paths: Vec<&str> = repository.paths().collect();
        assert_eq!(
            paths,
            [
                "Dockerfile",
                "api.Dockerfile",
                "bom.json",
                "large.json",
                "latin1.json",
                "src/app.py",
                "src/picture.png",
                "utf16.json"
            ]
        );
        assert_eq!(repository.text("bom.json"), Some("{}"));
        assert_eq!(repository.content("src/picture.png"), Some(&Content::NotRead));
        for (path, why) in [("utf16.json", "UTF-16"), ("latin1.json", "not UTF-8"), ("large.json", "1 MiB")] {
            assert!(matches!(repository.content(path), Some(Content::Unreadable(reason)) if reason.contains(why)));
        }
    }
}
