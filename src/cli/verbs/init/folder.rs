//! Which folder `up` without a file is about.

use std::path::{Path, PathBuf};

use crate::import::named_like_one;

/// The root of the working tree that the folder is in; without one the folder itself, if it looks like an application.
/// Never the home folder, which has an `.aws` and may have anything below it.
pub(super) fn root_of(folder: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let at_home = |path: &Path| home == Some(path) || path.parent().is_none();
    let tree = folder.ancestors().find(|ancestor| ancestor.join(".git").exists());
    if let Some(tree) = tree.filter(|tree| !at_home(tree)) {
        return Some(tree.to_owned());
    }
    (!at_home(folder) && is_application(folder)).then(|| folder.to_owned())
}

fn is_application(folder: &Path) -> bool {
    let named = |path: &Path| {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<String>>()
    };
    let own = named(folder);
    let begins = |name: &str| {
        let names = [
            ".github",
            ".gitlab-ci",
            ".circleci",
            "Dockerfile",
            "Jenkinsfile",
            "buildspec",
            "compose.",
            "docker-compose",
        ];
        names.iter().any(|known| name.starts_with(known))
    };
    own.iter().any(|name| begins(name) || named_like_one(name))
        || named(&folder.join(".aws")).iter().any(|name| name.ends_with(".json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_folder_is_no_application() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        std::fs::create_dir_all(home.join(".aws")).unwrap();
        std::fs::write(home.join(".aws/sso.json"), "{}").unwrap();
        assert_eq!(root_of(home, Some(home)), None);
        assert_eq!(root_of(home, None), Some(home.to_owned()));
        std::fs::create_dir_all(home.join("work/app/.git")).unwrap();
        std::fs::create_dir_all(home.join("work/app/api/src")).unwrap();
        assert_eq!(root_of(&home.join("work/app/api/src"), Some(home)), Some(home.join("work/app")));
        assert_eq!(root_of(&home.join("work"), Some(home)), None);
    }
}
