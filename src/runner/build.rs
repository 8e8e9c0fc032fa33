//! `docker/build-push-action`: the image is built by the engine of this machine, with the action's inputs, and stays here.

use std::path::Path;

/// Inputs that a build on this machine has no use for.
const LEFT_OUT: &[&str] = &["push", "load", "cache-from", "cache-to", "provenance", "sbom", "builder", "attests"];
/// Inputs that change what is built, and that `docker build` is not given.
const UNKNOWN: &[&str] = &["secrets", "secret-files", "secret-envs", "outputs", "build-contexts", "ssh", "allow"];

/// A build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Build {
    pub(super) words: Vec<String>,
    /// What is done otherwise than the inputs say.
    pub(super) notes: Vec<String>,
}

impl Build {
    /// As the inputs say. The image's id is written to `id_file`.
    pub(super) fn new(inputs: &[(String, String)], id_file: &Path) -> Result<Self, String> {
        let input = |name: &str| {
            let found = inputs.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
        };
        if let Some(name) = UNKNOWN.iter().find(|name| input(name).is_some()) {
            return Err(format!("docker/build-push-action: neargate does not carry out the input `{name}`"));
        }
        let mut words: Vec<String> = ["docker", "build", "--iidfile"].map(str::to_owned).to_vec();
        words.push(id_file.display().to_string());
        let mut notes = Vec::new();
        let mut option = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
        for (name, flag) in
            [("file", "--file"), ("target", "--target"), ("network", "--network"), ("shm-size", "--shm-size")]
        {
            if let Some(value) = input(name) {
                option(flag, value);
            }
        }
        for tag in input("tags").into_iter().flat_map(|tags| tags.split(['\n', ','])).map(str::trim) {
            if !tag.is_empty() {
                option("--tag", tag);
            }
        }
        for (name, flag) in [("build-args", "--build-arg"), ("labels", "--label"), ("add-hosts", "--add-host")] {
            for value in input(name).into_iter().flat_map(str::lines).map(str::trim) {
                if !value.is_empty() {
                    option(flag, value);
                }
            }
        }
        match input("platforms") {
            Some(platforms) if platforms.contains([',', '\n']) => {
                notes.push(format!("built for this machine only, not for {}", platforms.replace('\n', ",")));
            }
            Some(platform) => option("--platform", platform),
            None => {}
        }
        for (name, flag) in [("no-cache", "--no-cache"), ("pull", "--pull")] {
            if input(name) == Some("true") {
                words.push(flag.to_owned());
            }
        }
        if input("push") == Some("true") {
            notes.push("not pushed: images stay on this machine, where tasks find them".to_owned());
        }
        let left_out: Vec<&str> =
            LEFT_OUT.iter().filter(|name| **name != "push" && input(name).is_some()).copied().collect();
        if !left_out.is_empty() {
            notes.push(format!("without {}", left_out.join(", ")));
        }
        words.push(input("context").unwrap_or(".").to_owned());
        Ok(Self { words, notes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inputs_of_the_action_become_a_docker_build() {
        let inputs = [
            ("context", "./app"),
            ("file", "app/Dockerfile"),
            ("push", "true"),
            ("tags", "app:latest\napp:1,app:2\n"),
            ("build-args", "A=1\nB=x y\n"),
            ("cache-to", "type=gha"),
            ("platforms", "linux/amd64,linux/arm64"),
        ];
        let inputs = inputs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let build = Build::new(&inputs, Path::new("/id")).unwrap();
        assert_eq!(
            build.words.join("|"),
            "docker|build|--iidfile|/id|--file|app/Dockerfile|--tag|app:latest|--tag|app:1|--tag|app:2|--build-arg|A=1|\
             --build-arg|B=x y|./app"
        );
        assert_eq!(build.notes.len(), 3);
        let secret = [("secrets".to_owned(), "A=b".to_owned())];
        assert!(Build::new(&secret, Path::new("/id")).is_err());
    }
}
