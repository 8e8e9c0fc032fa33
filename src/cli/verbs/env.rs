//! `env`: the variables that lead AWS's clients to the stack.

use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::global::Global;
use crate::cli::input::machine::Syntax;
use crate::cli::input::project;
use crate::cli::input::project::Project;
use crate::cli::output::printer::Printer;
use crate::cli::running::asking;
use crate::model::arn::REGION;

/// `env`
pub(crate) fn env(global: &Global, syntax: Option<Syntax>, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let project = project::load_names(global, printer)?;
    let view = asking::block_on(asking::view(&project.folders))?;
    view.ok_or_else(|| asking::not_running(&project.topology.name))?;
    let variables = of_stack(&project).ok_or_else(|| {
        Failure::new(
            "the stack serves no AWS APIs: write `aws: { endpoint: 127.0.0.1:4566 }` into the file, or start it with \
             `neargate up --aws` (`neargate down` first)",
        )
    })?;
    let syntax = syntax.unwrap_or_else(|| syntax_of(std::env::var("SHELL").ok().as_deref()));
    let lines: String = variables.iter().map(|(name, value)| line(syntax, name, value)).collect();
    printer.data(&lines)?;
    Ok(ExitStatus::SUCCESS)
}

/// What clients of the stack's APIs read; nothing if it serves none.
pub(crate) fn of_stack(project: &Project) -> Option<Vec<(&'static str, String)>> {
    let endpoint = std::fs::read_to_string(project.folders.aws_endpoint()).ok()?;
    // Where signatures are checked, made-up keys are good for nothing, and yours stay as they are.
    let checked = project.topology.identities.checks_signatures();
    let is_wanted = |name: &str| !(checked && (name.contains("_KEY") || name.contains("_TOKEN")));
    let wanted = variables(endpoint.trim()).into_iter().filter(|(name, _)| is_wanted(name));
    Some(wanted.map(|(name, value)| (name, value.to_owned())).collect())
}

/// The same without a stack. A profile or a session of the user's must not win over the keys, so both are unset by being empty.
pub(crate) fn variables(endpoint: &str) -> [(&'static str, &str); 6] {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_SESSION_TOKEN", ""),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
    ]
}

fn syntax_of(shell: Option<&str>) -> Syntax {
    match shell.and_then(|path| path.rsplit('/').next()) {
        Some("fish") => Syntax::Fish,
        Some("pwsh") => Syntax::Powershell,
        _ => Syntax::Bash,
    }
}

/// No value has a quote.
fn line(syntax: Syntax, name: &str, value: &str) -> String {
    match syntax {
        Syntax::Bash => format!("export {name}='{value}'\n"),
        Syntax::Fish => format!("set -gx {name} '{value}'\n"),
        Syntax::Powershell => format!("$env:{name} = '{value}'\n"),
        Syntax::Github => format!("{name}={value}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_has_its_syntax() {
        for (shell, expected) in [
            (Some("/usr/bin/fish"), "set -gx AWS_REGION 'us-east-1'\n"),
            (Some("/usr/bin/pwsh"), "$env:AWS_REGION = 'us-east-1'\n"),
            (Some("/bin/zsh"), "export AWS_REGION='us-east-1'\n"),
            (None, "export AWS_REGION='us-east-1'\n"),
        ] {
            assert_eq!(line(syntax_of(shell), "AWS_REGION", REGION), expected, "{shell:?}");
        }
        assert_eq!(line(Syntax::Github, "AWS_REGION", REGION), "AWS_REGION=us-east-1\n");
    }
}
