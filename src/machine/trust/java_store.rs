//! The key store that Debian's JVMs share. A hook of `update-ca-certificates` copies the system store's additions into it
//! but usually not the removals; this module therefore reads its content and removes leftovers.

use super::java;
use super::runner::{Command, Runner};
use super::store::{Machine, Outcome, Root, StoreReport, contains_certificate, run};

const STORE: &str = "/etc/ssl/certs/java/cacerts";

pub(super) fn trust(root: &Root, machine: &Machine, runner: &impl Runner) -> Vec<StoreReport> {
    each(machine, |store| match store.state(root, runner) {
        Outcome::NotTrusted => store.carry_out(runner, &[store.import(root)]),
        Outcome::Outdated => store.carry_out(runner, &[store.delete(root), store.import(root)]),
        outcome => outcome,
    })
}

pub(super) fn untrust(root: &Root, machine: &Machine, runner: &impl Runner) -> Vec<StoreReport> {
    each(machine, |store| match store.state(root, runner) {
        Outcome::NotTrusted => Outcome::Already,
        Outcome::Already | Outcome::Outdated => store.carry_out(runner, &[store.delete(root)]),
        outcome => outcome,
    })
}

pub(super) fn status(root: &Root, machine: &Machine, runner: &impl Runner) -> Vec<StoreReport> {
    each(machine, |store| store.state(root, runner))
}

struct Store {
    path: std::path::PathBuf,
}

fn each(machine: &Machine, act: impl Fn(&Store) -> Outcome) -> Vec<StoreReport> {
    let store = Store { path: machine.system_path(STORE) };
    if !store.path.is_file() {
        return Vec::new();
    }
    vec![StoreReport { store: format!("Java ({STORE})"), location: None, outcome: act(&store) }]
}

/// The name that Debian's hook gives a root.
fn alias(root: &Root) -> String {
    format!("debian:{}.pem", root.nickname()).to_lowercase()
}

impl Store {
    fn state(&self, root: &Root, runner: &impl Runner) -> Outcome {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::Failed(format!("cannot read {}: {error}", self.path.display())),
        };
        let alias = alias(root);
        match java::entries(&bytes) {
            Some(entries) => {
                let ours = java::from_pem(&root.pem);
                match entries.iter().find(|(name, certificate)| *name == alias || ours.contains(certificate)) {
                    None => Outcome::NotTrusted,
                    Some((_, certificate)) if ours.contains(certificate) => Outcome::Already,
                    Some(_) => Outcome::Outdated,
                }
            }
            // Another format: its own tool can read it.
            None if !runner.has("keytool") => keytool_is_missing(),
            None => match run(runner, &self.keytool("-list").arg("-rfc").arg("-alias").arg(&alias)) {
                Err(_) => Outcome::NotTrusted,
                Ok(pem) if contains_certificate(&pem, &root.pem) => Outcome::Already,
                Ok(_) => Outcome::Outdated,
            },
        }
    }

    fn keytool(&self, what: &str) -> Command {
        Command::new("keytool", [what, "-storepass", java::PASSWORD, "-keystore"]).arg(&self.path)
    }

    fn import(&self, root: &Root) -> Command {
        self.keytool("-importcert").arg("-noprompt").arg("-alias").arg(alias(root)).arg("-file").arg(&root.path)
    }

    fn delete(&self, root: &Root) -> Command {
        self.keytool("-delete").arg("-alias").arg(alias(root))
    }

    fn carry_out(&self, runner: &impl Runner, commands: &[Command]) -> Outcome {
        if !runner.has("keytool") {
            return keytool_is_missing();
        }
        if !runner.is_root() {
            return Outcome::NeedsRoot(commands.iter().map(Command::with_sudo).collect());
        }
        match commands.iter().try_for_each(|command| run(runner, command).map(drop)) {
            Ok(()) => Outcome::Done,
            Err(message) => Outcome::Failed(message),
        }
    }
}

fn keytool_is_missing() -> Outcome {
    Outcome::ToolMissing { tool: "keytool", package: "default-jre-headless" }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::machine::trust::runner::SystemRunner;
    use crate::machine::trust::tests::World;

    #[test]
    fn there_is_no_report_of_a_store_that_is_not_there() {
        let world = World::debian();
        assert_eq!(status(&world.root, &world.machine, &world.runner), []);
    }

    #[test]
    fn what_the_hook_of_debian_left_is_taken_out() {
        let mut world = World::debian();
        let store = put(&world, &java::key_store(&java::from_pem(&world.root.pem)));
        let outcome = |world: &World| untrust(&world.root, &world.machine, &world.runner).remove(0).outcome;
        assert_eq!(outcome(&world), keytool_is_missing());
        world.runner.programs.insert("keytool");
        let delete = format!(
            "keytool -delete -storepass changeit -keystore {} -alias debian:neargate-chatkit.pem",
            store.display()
        );
        assert_eq!(outcome(&world).to_string(), format!("needs root; run: sudo {delete}"));
        world.runner.root = true;
        assert_eq!(outcome(&world), Outcome::Done);
        assert_eq!(world.runner.ran(), [delete]);
    }

    #[test]
    fn a_real_store_is_changed_once_and_restored() {
        if !SystemRunner.has("keytool") || !SystemRunner.is_root() {
            tracing::warn!("no keytool, or not root: a real key store is not tested");
            return;
        }
        let world = World::debian();
        put(&world, &java::key_store(&[java::from_pem(&World::root_in(world.folder.path()).pem)].concat()));
        let (root, machine) = (&world.root, &world.machine);
        // The root that was made last lies in the file of that name.
        fs::write(&root.path, &root.pem).expect("written");
        let outcome = |reports: Vec<StoreReport>| reports.into_iter().next().expect("a report").outcome;
        assert_eq!(outcome(status(root, machine, &SystemRunner)), Outcome::NotTrusted);
        assert_eq!(outcome(trust(root, machine, &SystemRunner)), Outcome::Done);
        assert_eq!(outcome(trust(root, machine, &SystemRunner)), Outcome::Already);
        assert_eq!(outcome(untrust(root, machine, &SystemRunner)), Outcome::Done);
        assert_eq!(outcome(untrust(root, machine, &SystemRunner)), Outcome::Already);
    }

    fn put(world: &World, store: &[u8]) -> PathBuf {
        let path = world.folder.path().join(STORE.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, store).expect("written");
        path
    }
}
