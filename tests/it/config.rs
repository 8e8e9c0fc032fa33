//! Configuration as users meet it: broken files with their messages, valid files with the output of `check`, `init` and
//! the files that it writes, the schema and the reference page.
//!
//! Every folder under `fixtures/config/` is a case, with the expected output next to its files. `UPDATE_EXPECTED=1
//! cargo test --test it config` rewrites it: review the diff before you commit it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::expected::{Differences, read};
use neargate::cli::verbs::check::{CheckArgs, check};
use neargate::cli::verbs::init::{InitArgs, init};
use neargate::cli::verbs::lint::{LintArgs, lint};
use neargate::cli::verbs::test::{TestArgs, test};
use neargate::cli::{ExitStatus, Format, LintFormat, TestFormat};
use neargate::config::Style;

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Folders of a family, in order.
fn cases(family: &str) -> Vec<PathBuf> {
    let folder = repository().join("fixtures/config").join(family);
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

/// Exit, standard output, standard error.
fn run_check(folder: &Path, format: Format) -> (ExitStatus, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    // Variables come from the `.env` of the case, never from the machine that runs the test.
    let args = CheckArgs { format, ..CheckArgs::new(folder, &|_| None) };
    let exit = check(&args, &mut out, &mut err).unwrap();
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn every_broken_file_is_explained() {
    let cases = cases("broken");
    assert!(cases.len() >= 40, "{} broken configurations", cases.len());
    let mut differences = Differences::default();
    for case in cases {
        let (exit, out, err) = run_check(&case, Format::Table);
        assert_eq!((exit, out.as_str()), (ExitStatus::USAGE, ""), "{} is not refused", case.display());
        differences.check(&case.join("expected.txt"), &err);
    }
    differences.finish();
}

#[test]
fn every_good_file_loads_and_is_shown() {
    let mut differences = Differences::default();
    for case in cases("valid") {
        let (exit, out, err) = run_check(&case, Format::Table);
        assert_eq!(exit, ExitStatus::SUCCESS, "{}\n{err}", case.display());
        differences.check(&case.join("expected.txt"), &format!("{err}{out}"));
    }
    differences.finish();
}

/// `check --no-env`: the view of a job without secrets.
#[test]
fn without_variables_the_rest_is_checked() {
    let mut differences = Differences::default();
    for case in cases("lint") {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = CheckArgs { no_env: true, ..CheckArgs::new(&case, &|_| None) };
        let exit = check(&args, &mut out, &mut err).unwrap();
        let said = String::from_utf8([err, out].concat()).unwrap();
        assert_eq!(exit, ExitStatus::SUCCESS, "{}\n{said}", case.display());
        differences.check(&case.join("expected.txt"), &said);
        let (exit, ..) = run_check(&case, Format::Table);
        assert_eq!(exit, ExitStatus::USAGE, "{}: with variables it is a mistake", case.display());
    }
    differences.finish();
}

/// The findings of `lint`, in every format.
#[test]
fn rules_are_linted() {
    let mut differences = Differences::default();
    for case in cases("findings") {
        let lint = |format| {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let args = LintArgs {
                files: Vec::new(),
                env_files: Vec::new(),
                folder: case.clone(),
                format,
                style: Style::Plain,
                env: &|_| None,
            };
            let exit = lint(&args, &mut out, &mut err).unwrap();
            (exit, String::from_utf8([out, err].concat()).unwrap())
        };
        let (exit, found) = lint(LintFormat::Table);
        let warns = found.lines().any(|line| line.starts_with("warning"));
        assert_eq!(exit, if warns { ExitStatus::FAILED } else { ExitStatus::SUCCESS }, "{}", case.display());
        differences.check(&case.join("expected.txt"), &found);
        for (format, name) in [
            (LintFormat::Json, "expected.json"),
            (LintFormat::Sarif, "expected.sarif"),
            (LintFormat::Github, "expected.github"),
        ] {
            if case.join(name).exists() {
                differences.check(&case.join(name), &lint(format).1);
            }
        }
    }
    differences.finish();
    let page = std::fs::read_to_string(repository().join("docs/lint.md")).unwrap();
    for id in neargate::lint::findings::IDS {
        assert!(page.contains(&format!("| `{id}` |")), "docs/lint.md does not list `{id}`");
    }
}

/// Files of route tests: what passes, what fails and how that is reported, mistakes in a file, and the output of `--write`.
#[test]
fn routes_are_tested() {
    let mut differences = Differences::default();
    for case in cases("routes") {
        let test = |format, coverage| {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let args = TestArgs { format, coverage, ..test_args(&case) };
            let exit = test(&args, &mut out, &mut err).unwrap();
            (exit, String::from_utf8([out, err].concat()).unwrap())
        };
        let (exit, told) = test(TestFormat::Table, true);
        let told = anstream::adapter::strip_str(&told).to_string();
        differences.check(&case.join("expected.txt"), &format!("{told}exit: {exit:?}\n"));
        for (format, name) in [
            (TestFormat::Json, "expected.json"),
            (TestFormat::Junit, "expected.xml"),
            (TestFormat::Github, "expected.github"),
        ] {
            if case.join(name).exists() {
                differences.check(&case.join(name), &test(format, false).1);
            }
        }
    }
    differences.finish();
}

/// The file written by `test --write` passes, and decides every rule.
#[test]
fn the_first_file_of_tests_passes() {
    let folder = tempfile::tempdir().unwrap();
    let case = repository().join("fixtures/config/routes/passing");
    std::fs::copy(case.join("neargate.yaml"), folder.path().join("neargate.yaml")).unwrap();
    let run = |write| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = TestArgs { write, coverage: true, ..test_args(folder.path()) };
        let exit = test(&args, &mut out, &mut err).unwrap();
        (exit, String::from_utf8([out, err].concat()).unwrap())
    };
    assert_eq!(run(true).0, ExitStatus::SUCCESS);
    let mut differences = Differences::default();
    let written = std::fs::read_to_string(folder.path().join("routes.test.yaml")).unwrap();
    differences.check(&case.join("written.yaml"), &written);
    differences.finish();
    let (exit, told) = run(false);
    assert_eq!(exit, ExitStatus::SUCCESS, "{told}");
    assert!(!told.contains("no test is decided"), "{told}");
    let (exit, told) = run(true);
    assert_eq!(exit, ExitStatus::USAGE, "a second file would overwrite the first: {told}");
}

fn test_args(folder: &Path) -> TestArgs<'_> {
    TestArgs {
        files: Vec::new(),
        env_files: Vec::new(),
        tests: Vec::new(),
        write: false,
        coverage: false,
        folder: folder.to_owned(),
        format: TestFormat::Table,
        style: Style::Plain,
        env: &|_| None,
    }
}

/// A second `-f` is the override file. An invalid project name is refused here as everywhere.
#[test]
fn files_and_the_project_are_named_as_for_every_verb() {
    let case = repository().join("fixtures/config/valid/override");
    let run = |files: &[&str], name: Option<&str>| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = CheckArgs {
            files: files.iter().map(PathBuf::from).collect(),
            project_name: name.map(str::to_owned),
            ..CheckArgs::new(&case, &|_| None)
        };
        let exit = check(&args, &mut out, &mut err).unwrap();
        (exit, String::from_utf8([err, out].concat()).unwrap())
    };
    let found = run(&[], None);
    assert_eq!(run(&["neargate.yaml", "neargate.override.yaml"], None), found);
    assert!(!run(&["neargate.yaml"], None).1.contains("shop.localhost"), "a file that is named stands alone");
    assert_eq!(
        run(&["neargate.yaml", "no-such.yaml"], None),
        (ExitStatus::USAGE, "error: no-such.yaml: no such file\n".to_owned())
    );
    let (exit, said) = run(&[], Some("Bad Name"));
    assert_eq!(exit, ExitStatus::USAGE);
    assert!(said.starts_with("error: `Bad Name` cannot name a project"), "{said}");
    assert!(run(&[], Some("other")).1.contains("other"));
}

#[test]
fn the_json_report_keeps_its_shape() {
    let mut differences = Differences::default();
    let good = repository().join("fixtures/config/valid/chatkit");
    let (exit, out, err) = run_check(&good, Format::Json);
    assert_eq!((exit, err.as_str()), (ExitStatus::SUCCESS, ""));
    differences.check(&good.join("expected.json"), &out);
    let bad = repository().join("fixtures/config/broken/unknown-target-group");
    let (exit, out, err) = run_check(&bad, Format::Json);
    assert_eq!((exit, err.as_str()), (ExitStatus::USAGE, ""));
    differences.check(&bad.join("expected.json"), &out);
    differences.finish();
}

/// Every effective setting of these target groups.
#[test]
fn target_groups_have_the_settings_of_the_file_and_the_defaults() {
    let mut differences = Differences::default();
    for name in ["target-group-defaults", "target-group-limits"] {
        let case = repository().join("fixtures/config/valid").join(name);
        let (exit, out, err) = run_check(&case, Format::Json);
        assert_eq!((exit, err.as_str()), (ExitStatus::SUCCESS, ""));
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        let groups = serde_json::to_string_pretty(&report["topology"]["targetGroups"]).unwrap();
        differences.check(&case.join("target-groups.json"), &format!("{groups}\n"));
    }
    differences.finish();
}

#[test]
fn the_schema_is_current_and_accepts_the_valid_files() {
    let mut differences = Differences::default();
    let schema = neargate::config::pages::schema::json();
    differences.check(&repository().join("schema/neargate.schema.json"), &schema);
    differences.finish();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for case in cases("valid") {
        let file: serde_json::Value = read(&case.join("neargate.yaml"));
        let problems: Vec<String> =
            validator.iter_errors(&file).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(problems.is_empty(), "{}: {problems:#?}", case.display());
    }
}

#[test]
fn the_reference_pages_are_current() {
    let mut differences = Differences::default();
    differences.check(&repository().join("docs/configuration.md"), &neargate::config::pages::reference::markdown());
    differences.check(&repository().join("docs/fidelity.md"), &neargate::config::fidelity::markdown());
    differences.finish();
}

/// Runs `init` in a copy of every folder under `init/`: checks its output, the files that it writes, and that `check`
/// accepts them.
#[test]
fn what_init_writes_loads() {
    let mut differences = Differences::default();
    for case in cases("init") {
        // With several services, the folder's name is the project's.
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("project");
        std::fs::create_dir(&folder).unwrap();
        copy(&case.join("before"), &folder);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = InitArgs { folder: folder.clone(), force: false, environment: None };
        let exit = init(&args, &mut out, &mut err).unwrap();
        let said = format!("{}{}", String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap());
        differences.check(&case.join("expected.txt"), &said);
        if exit != ExitStatus::SUCCESS {
            continue;
        }
        let written = std::fs::read_to_string(folder.join("neargate.yaml")).unwrap();
        differences.check(&case.join("expected.yaml"), &written);
        // Sets the variables that `init` leaves to the user.
        let checked = || {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let set = |name: &str| (name != "NEARGATE_ENVIRONMENT").then(|| "set".to_owned());
            let exit = check(&CheckArgs::new(&folder, &set), &mut out, &mut err).unwrap();
            (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
        };
        let (exit, report, err) = checked();
        // AWS's refusals are reported at once, and nothing else.
        let expected = if said.contains("will refuse") { ExitStatus::USAGE } else { ExitStatus::SUCCESS };
        assert_eq!(exit, expected, "{}: {err}", case.display());

        // The same without the file.
        std::fs::remove_file(folder.join("neargate.yaml")).unwrap();
        let (without, derived, err) = checked();
        assert_eq!((without, derived), (expected, report), "{}: {err}", case.display());
        assert!(err.contains("no neargate.yaml: "), "{}: {err}", case.display());
        std::fs::write(folder.join("neargate.yaml"), written).unwrap();

        let again = InitArgs { folder: folder.clone(), force: false, environment: None };
        assert_eq!(
            init(&again, &mut Vec::new(), &mut Vec::new()).unwrap(),
            ExitStatus::FAILED,
            "a second init overwrites"
        );
        let forced = InitArgs { folder: folder.clone(), force: true, environment: None };
        assert_eq!(init(&forced, &mut Vec::new(), &mut Vec::new()).unwrap(), ExitStatus::SUCCESS);
    }
    differences.finish();
}

/// `--environment` selects an environment other than production, for `init` and for commands without a file.
#[test]
fn the_requested_environment_is_used() {
    let written = |case: &str, environment: Option<&str>| {
        let folder = tempfile::tempdir().unwrap();
        copy(&repository().join("fixtures/config/init").join(case).join("before"), folder.path());
        let args =
            InitArgs { folder: folder.path().to_owned(), force: false, environment: environment.map(str::to_owned) };
        assert_eq!(init(&args, &mut Vec::new(), &mut Vec::new()).unwrap(), ExitStatus::SUCCESS);
        std::fs::read_to_string(folder.path().join("neargate.yaml")).unwrap()
    };
    for (case, environment, takes) in [
        ("dockerfiles-of-stages", None, ["dockerfile: Dockerfile.prod\n", "dockerfile: Dockerfile.production\n"]),
        ("dockerfiles-of-stages", Some("dev"), ["dockerfile: Dockerfile.dev\n", "dockerfile: Dockerfile\n"]),
        ("pre-production", None, ["task_definition: .aws/task-definition-prod.json", "name: trainees\n"]),
        (
            "pre-production",
            Some("pre-prod"),
            ["task_definition: .aws/task-definition-pre-prod.json", "name: trainees\n"],
        ),
        (
            "pre-production",
            Some("staging"),
            ["task_definition: .aws/task-definition-pre-prod.json", "name: trainees\n"],
        ),
    ] {
        let text = written(case, environment);
        for wanted in takes {
            assert!(text.contains(wanted), "{case} for {environment:?} lacks {wanted}: {text}");
        }
    }

    let folder = tempfile::tempdir().unwrap();
    copy(&repository().join("fixtures/config/init/pre-production/before"), folder.path());
    // Outside a working tree, the folder's content decides.
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    for (arguments, variable, takes) in [
        (vec!["check"], "", "task-definition-prod.json"),
        (vec!["check", "--environment", "pre-prod"], "", "task-definition-pre-prod.json"),
        (vec!["check"], "pre-prod", "task-definition-pre-prod.json"),
        (vec!["check", "--environment", "prod"], "pre-prod", "task-definition-prod.json"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_neargate"));
        command.args(&arguments).current_dir(folder.path()).env("NEARGATE_ENVIRONMENT", variable);
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && said.contains(&format!(".aws/{takes}")), "{arguments:?} {variable}: {said}");
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
