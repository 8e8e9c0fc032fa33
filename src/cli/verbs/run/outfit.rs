//! The environment for the command of `run`: variables, and on Linux, where allowed, its own view of the machine's names and
//! trust stores. Everything is in one folder, which is removed with the command.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use crate::cli::failure::Failure;
use crate::cli::input::project;
use crate::cli::input::project::Project;
use crate::cli::output::printer::{NOTE, Printer};
use crate::cli::verbs::enter::Plan;
use crate::cli::verbs::env;
use crate::machine::hosts;
use crate::machine::namespace::{Mount, Refusal};
use crate::machine::trust::environment;
use crate::machine::trust::environment::Env;
use crate::machine::trust::overlay;
use crate::machine::trust::overlay::Overlays;
use crate::machine::trust::reach;
use crate::machine::trust::store::{Machine, Root};
use crate::machine::trust::{SystemRunner, bundles, system};

/// For as long as this lives.
pub(super) struct Outfit {
    /// What the command gets beside our own.
    pub(super) variables: Vec<(String, String)>,
    /// What it is to see: a file for `enter`.
    pub(super) plan: Option<PathBuf>,
    folder: PathBuf,
    _overlays: Overlays,
}

impl Outfit {
    /// Made of what the running stack has written down.
    pub(super) fn make(project: &Project, namespace: bool) -> Result<Self, Failure> {
        let folders = &project.folders;
        let folder = folders.run(std::process::id());
        let failed = |error: std::io::Error| Failure::from(error).context(folder.display());
        // Of a process that had our number and could not tidy up.
        let _ = fs::remove_dir_all(&folder);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        let mut outfit =
            Self { variables: Vec::new(), plan: None, folder: folder.clone(), _overlays: Overlays::default() };

        let pem = fs::read_to_string(folders.ca_certificate_in_use()).map_err(failed)?;
        let keys = fs::read_to_string(folders.leaf_keys()).unwrap_or_default();
        let machine = Machine::this();
        let bundle = machine.as_ref().and_then(system::bundle).and_then(|path| fs::read_to_string(path).ok());
        let java =
            machine.as_ref().map(|machine| overlay::java_certificates(machine, &SystemRunner, &project::variable));
        let environment = environment::environment(
            &folder,
            &Env {
                variable: &project::variable,
                read: &bundles::roots_of,
                java: &java.unwrap_or_default(),
                system: bundle.as_deref(),
                root: &pem,
                sites: &reach::sites(&project.topology),
                keys: &keys.lines().map(str::to_owned).collect::<Vec<_>>(),
            },
        );
        for (path, contents) in environment.files {
            path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
            fs::write(&path, contents).map_err(failed)?;
        }
        outfit.variables = environment.variables.into_iter().collect();
        let aws = env::of_stack(project).unwrap_or_default();
        outfit.variables.extend(aws.into_iter().map(|(name, value)| (name.to_owned(), value)));

        let root = Root::new(&project.topology.name, &pem, &folder.join("ca.pem"));
        if let (true, Some(root), Some(machine)) = (namespace, root, machine) {
            outfit.see(project, &root, &machine).map_err(failed)?;
        }
        Ok(outfit)
    }

    fn see(&mut self, project: &Project, root: &Root, machine: &Machine) -> std::io::Result<()> {
        let stores = self.folder.join("stores");
        fs::create_dir(&stores)?;
        let built = overlay::build(root, machine, &SystemRunner, &project::variable, &stores)?;
        let mut mounts: Vec<Mount> =
            built.overlays.iter().map(|one| Mount { source: one.source.clone(), target: one.target.clone() }).collect();
        mounts.extend(self.names(project)?);
        let plan = self.folder.join("plan.json");
        fs::write(&plan, serde_json::to_vec(&Plan { mounts })?)?;
        self.plan = Some(plan);
        self._overlays = built;
        Ok(())
    }

    /// What makes the stack's names lead to it.
    fn names(&self, project: &Project) -> std::io::Result<Vec<Mount>> {
        let mut mounts = Vec::new();
        let mut cover = |target: &str, text: &dyn Fn(&str) -> Option<String>| -> std::io::Result<()> {
            let Ok(target) = fs::canonicalize(target) else { return Ok(()) };
            if let Some(text) = text(&fs::read_to_string(&target)?) {
                let source = self.folder.join(target.file_name().unwrap_or_default());
                fs::write(&source, text)?;
                mounts.push(Mount { source, target });
            }
            Ok(())
        };
        let names = reach::names(&project.topology);
        cover("/etc/hosts", &|text| Some(hosts::in_front(text, &project.topology.name, &names)))?;
        cover("/etc/nsswitch.conf", &hosts::files_first)?;
        // A cache of names that the machine's programs share knows the machine's names.
        if let Ok(target) = fs::canonicalize("/var/run/nscd") {
            let source = self.folder.join("nscd");
            fs::create_dir(&source)?;
            mounts.push(Mount { source, target });
        }
        Ok(mounts)
    }
}

impl Drop for Outfit {
    fn drop(&mut self) {
        // The rest is removed with the state folder.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Whether the command can have its own view; if not, says why, and what that means.
pub(super) fn may_have_namespace(project: &Project, wanted: bool, printer: &mut Printer) -> bool {
    if !wanted || !cfg!(target_os = "linux") {
        return false;
    }
    let Err(Refusal { reason, fix }) = crate::cli::verbs::enter::probe() else {
        for name in hosts::left_out(&project.topology.domains) {
            printer.note(format!(
                "{NOTE}!{NOTE:#} {name} cannot stand in a hosts file: list the names under it that the command needs \
                 under `domain`"
            ));
        }
        return true;
    };
    let fix = fix.map(|fix| format!(" Allow it: {fix}")).unwrap_or_default();
    printer.note(format!(
        "{NOTE}!{NOTE:#} {reason}: only programs that read the variables find and trust the stack (`neargate hosts \
         --apply` helps those that only ask for names).{fix}"
    ));
    false
}
