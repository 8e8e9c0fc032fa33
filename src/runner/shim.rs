//! `docker push` and `docker login` of scripts: a person may be logged in to the registry that production runs from, and
//! trying out a workflow must not push there. A program before `docker` on PATH leaves both out, and passes on the rest.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Makes the folder to put before PATH; empty where there is no docker.
pub(super) fn make(folder: &Path, path: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let Some(docker) = std::env::split_paths(path).map(|folder| folder.join("docker")).find(|file| file.is_file())
    else {
        return Ok(());
    };
    let file = folder.join("docker");
    std::fs::write(&file, script(&docker.display().to_string()))?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))
}

fn script(docker: &str) -> String {
    let docker = docker.replace('\'', r"'\''");
    format!(
        r#"#!/bin/sh
# Written by neargate: see docs/pipeline.md.
case "$1 $2" in
  "push "* | "image push" | "manifest push") echo "not pushed: images stay on this machine"; exit 0 ;;
  "login "*) cat >/dev/null; echo "not logged in: images stay on this machine"; exit 0 ;;
  "logout "*) exit 0 ;;
esac
exec '{docker}' "$@"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_pushed_and_everything_else_is_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        let (real, own) = (folder.path().join("it's real"), folder.path().join("own"));
        std::fs::create_dir(&real).unwrap();
        std::fs::write(real.join("docker"), "#!/bin/sh\necho \"real $*\"\n").unwrap();
        std::fs::set_permissions(real.join("docker"), std::fs::Permissions::from_mode(0o755)).unwrap();
        make(&own, &real.display().to_string()).unwrap();
        let said = |words: &[&str]| {
            let output = std::process::Command::new(own.join("docker")).args(words).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(said(&["push", "ghcr.io/team/app:1"]), "not pushed: images stay on this machine\n");
        assert_eq!(said(&["build", "-t", "a b", "."]), "real build -t a b .\n");
    }
}
