//! Commands that build and tag images.

use super::expand;
use super::state::Shell;
use crate::pipeline::found::Build;
use crate::pipeline::text;
use crate::pipeline::text::Text;
use crate::pipeline::{bake, compose as compose_files};

/// Options of `docker build` that take a value and are of no interest.
const WITH_VALUE: &[&str] = &[
    "--add-host",
    "--allow",
    "--annotation",
    "--attest",
    "--build-context",
    "--builder",
    "--cache-from",
    "--cache-to",
    "--cgroup-parent",
    "--iidfile",
    "--isolation",
    "--label",
    "--memory",
    "--metadata-file",
    "--network",
    "--output",
    "--platform",
    "--progress",
    "--provenance",
    "--sbom",
    "--secret",
    "--shm-size",
    "--ssh",
    "--ulimit",
    "-m",
    "-o",
];

/// `docker …`
pub(super) fn docker(arguments: &[Text], shell: &mut Shell<'_, '_>) {
    let mut words = arguments;
    // Options before the command: `--context x`, `-D`.
    while let Some((first, rest)) = words.split_first().filter(|(first, _)| first.starts_with('-')) {
        let takes = matches!(first.as_str(), "--context" | "-c" | "-H" | "--host" | "--config" | "-l");
        words = if takes { rest.get(1..).unwrap_or_default() } else { rest };
    }
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    match (word(0), word(1)) {
        ("build", _) => build(&words[1..], shell),
        ("buildx" | "image" | "builder", "build" | "b") => build(&words[2..], shell),
        ("buildx", "bake") => run_bake(&words[2..], shell),
        ("compose", _) => compose(&words[1..], shell),
        ("tag", _) => tag(&words[1..], shell),
        ("image", "tag") => tag(&words[2..], shell),
        _ => {}
    }
}

fn tag(words: &[Text], shell: &mut Shell<'_, '_>) {
    if let [from, to, ..] = words {
        shell.scope.pipeline.tags.push((from.clone(), to.clone()));
    }
}

/// `docker build …`, from after `build`.
fn build(words: &[Text], shell: &mut Shell<'_, '_>) {
    let (mut context, mut file, mut target) = (None, None, None);
    let (mut args, mut images) = (Vec::new(), Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (flag, attached) = match word.split_once('=').filter(|(flag, _)| flag.starts_with("--")) {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            // `-tname`, `-fname`
            None if word.len() > 2 && (word.starts_with("-t") || word.starts_with("-f")) => {
                (&word[..2], Some(word[2..].trim_start_matches('=').to_owned()))
            }
            None => (word.as_str(), None),
        };
        let mut value = || attached.clone().or_else(|| words.next().cloned());
        match flag {
            "-t" | "--tag" => images.extend(value()),
            "-f" | "--file" => file = value(),
            "--target" => target = value(),
            "--build-arg" => args.extend(value().map(|pair| argument(&pair, shell))),
            flag if WITH_VALUE.contains(&flag) => drop(value()),
            flag if flag.starts_with('-') && flag.len() > 1 => {}
            word => context = context.or_else(|| Some(word.to_owned())),
        }
    }
    let Some(context) = context.filter(|context| context != "-") else { return };
    note(shell, &context, file.as_deref(), args, target, images);
}

/// `NAME=value`, or `NAME` for the value of the variable of that name.
fn argument(pair: &str, shell: &mut Shell<'_, '_>) -> (String, Text) {
    match pair.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (pair.to_owned(), shell.expand(&format!("\"${pair}\"")).concat()),
    }
}

fn note(
    shell: &mut Shell<'_, '_>,
    context: &str,
    file: Option<&str>,
    args: Vec<(String, Text)>,
    target: Option<Text>,
    images: Vec<Text>,
) {
    let scope = &mut shell.scope;
    // A context elsewhere (`https://…`, `git@…`) is not this repository, unless it says which folder of it.
    let context = match context.split_once("://") {
        Some((_, address)) => match address.split_once('#') {
            Some((_, part)) => part.split_once(':').map_or("", |(_, folder)| folder),
            None => return,
        },
        None => context,
    };
    let context = scope.path(&shell.folder, context);
    let dockerfile = match file {
        Some("-") => return,
        Some(file) => {
            let (here, inside) = (scope.path(&shell.folder, file), scope.path(&context, file));
            if !scope.repository.has(&here) && scope.repository.has(&inside) { inside } else { here }
        }
        None => scope.path(&context, "Dockerfile"),
    };
    let args = args.into_iter().filter(|(name, _)| text::is_known(name) && !name.is_empty()).collect();
    let place = scope.place();
    let (job, step) = (scope.job, scope.step.clone());
    scope.pipeline.builds.push(Build {
        place,
        job,
        step,
        context,
        dockerfile,
        args,
        target,
        images,
        names: Vec::new(),
    });
}

/// `docker compose …`
pub(super) fn compose(words: &[Text], shell: &mut Shell<'_, '_>) {
    let (mut files, mut services, mut verb) = (Vec::new(), Vec::new(), None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-f" | "--file" if verb.is_none() => files.extend(words.next().cloned()),
            "-p" | "--project-name" | "--profile" | "--env-file" | "--project-directory" | "--ansi"
                if verb.is_none() =>
            {
                words.next();
            }
            "--build-arg" | "--progress" | "-m" | "--memory" | "--builder" => drop(words.next()),
            word if word.starts_with("--file=") => files.push(word["--file=".len()..].to_owned()),
            word if word.starts_with('-') => {}
            word if verb.is_none() => verb = Some(word.to_owned()),
            word => services.push(word.to_owned()),
        }
    }
    if verb.as_deref() == Some("build") || verb.as_deref() == Some("push") {
        let files: Vec<String> = files.iter().map(|file| shell.scope.path(&shell.folder, file)).collect();
        let variables = |name: &str| shell.variables.get(name).or_else(|| shell.scope.env.get(name)).cloned();
        let services = compose_files::builds(shell.scope.repository, &files, &shell.folder, &services, &variables);
        for service in services {
            let (job, step, place) = (shell.scope.job, shell.scope.step.clone(), shell.scope.place());
            shell.scope.pipeline.builds.push(service.into_build(place, job, step));
        }
    }
}

/// `docker buildx bake …`
fn run_bake(words: &[Text], shell: &mut Shell<'_, '_>) {
    let (mut files, mut targets) = (Vec::new(), Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-f" | "--file" => files.extend(words.next().cloned()),
            "--set" | "--progress" | "--builder" | "--metadata-file" => drop(words.next()),
            word if word.starts_with('-') => {}
            word => targets.push(word.to_owned()),
        }
    }
    let folder = shell.folder.clone();
    bake::build(&files, &targets, &folder, shell.scope);
}

/// `buildah bud …`
pub(super) fn buildah(words: &[Text], shell: &mut Shell<'_, '_>) {
    if let Some((verb, rest)) = words.split_first()
        && matches!(verb.as_str(), "bud" | "build" | "build-using-dockerfile")
    {
        build(rest, shell);
    }
}

/// `/kaniko/executor --context … --dockerfile … --destination …`
pub(super) fn kaniko(words: &[Text], shell: &mut Shell<'_, '_>) {
    let (mut context, mut file, mut args, mut images) = (".".to_owned(), None, Vec::new(), Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (flag, attached) = word.split_once('=').map_or((word.as_str(), None), |(f, v)| (f, Some(v.to_owned())));
        let mut value = || attached.clone().or_else(|| words.next().cloned());
        match flag {
            "--context" | "-c" => context = value().unwrap_or_default().trim_start_matches("dir://").to_owned(),
            "--dockerfile" | "-f" => file = value(),
            "--destination" | "-d" => images.extend(value()),
            "--build-arg" => {
                let pair = value().unwrap_or_default();
                args.extend(expand::assignment(&pair).map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
            _ => {}
        }
    }
    note(shell, &context, file.as_deref(), args, None, images);
}
