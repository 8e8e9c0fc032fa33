//! `ps`: tasks, containers, targets and listeners of the running stack.

use std::fmt::Write;
use std::net::SocketAddr;

use jiff::Timestamp;

use crate::admin::view::shape::{
    ClusterView, ContainerView, DeploymentView, ImageView, ServiceView, TargetView, TaskView, TrafficView,
};
use crate::admin::view::words::{DeploymentStatus, ImageStatus, Word};
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::Format;
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::output::picture::short;
use crate::cli::output::printer::{BAD, DIM, GOOD, NOTE, Printer, STRONG};
use crate::cli::output::scaling_lines;
use crate::cli::running::asking;
use crate::model::target_health::TargetHealthState;
use crate::model::task::{ContainerStatus, HealthStatus, TaskStatus};

/// `ps`
pub(crate) fn ps(
    global: &Global,
    all: bool,
    events: bool,
    format: Format,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    let (name, folders) = project::identify(global)?;
    let view = asking::block_on(asking::view(&folders))?;
    match (format, view) {
        (Format::Json, view) => {
            let view = view.unwrap_or_else(|| ClusterView {
                project: name.to_string(),
                at_rest: true,
                ..ClusterView::default()
            });
            printer.json(&view)?;
        }
        (Format::Table, Some(view)) => printer.data(&table(&view, all, events))?,
        (Format::Table, None) => {
            printer.note(format!("the stack of project `{name}` is not running"));
            if let Some(left) = asking::block_on(async { Ok(asking::left_behind(&name).await) })? {
                printer.note(format!("{NOTE}!{NOTE:#} {left}"));
            }
        }
    }
    Ok(ExitStatus::SUCCESS)
}

/// The view as tables.
fn table(view: &ClusterView, all: bool, events: bool) -> String {
    let mut text = String::new();
    if let Some(trouble) = &view.trouble {
        let _ = writeln!(text, "{BAD}{trouble}{BAD:#}\n");
    }
    for service in &view.services {
        self::service(&mut text, service, &view.images, all, events);
    }
    if !view.tasks.is_empty() {
        let _ = writeln!(text, "{STRONG}tasks without a service{STRONG:#}");
        tasks(&mut text, &view.tasks, &view.images, all);
        text.push('\n');
    }
    let rows: Vec<Vec<Cell>> = view
        .target_groups
        .iter()
        .flat_map(|group| {
            let empty = group.targets.is_empty().then(|| {
                let note =
                    if group.in_use { "no registered targets: requests get 503" } else { "no rule forwards to it" };
                vec![Cell::plain(&group.name), Cell::plain("-"), Cell::plain("-"), Cell::new(note, NOTE)]
            });
            empty.into_iter().chain(group.targets.iter().map(|target| target_row(&group.name, target)))
        })
        .collect();
    align(&mut text, &["TARGET GROUP", "TARGET", "STATE", "REASON"], &rows);
    text.push('\n');
    let rows: Vec<Vec<Cell>> = view
        .listeners
        .iter()
        .map(|listener| {
            let state = match (&listener.error, listener.bound) {
                (Some(error), _) => Cell::new(error, BAD),
                (None, true) => Cell::new("active", GOOD),
                (None, false) => Cell::new("binding", NOTE),
            };
            let local = match listener.bind_address {
                Some(address) => SocketAddr::new(address, listener.bind_port).to_string(),
                None => listener.bind_port.to_string(),
            };
            vec![Cell::plain(&listener.title()), Cell::plain(&local), state]
        })
        .collect();
    let several = view.listeners.iter().any(|listener| listener.load_balancer.is_some());
    align(&mut text, &["LISTENER", if several { "LOCAL ADDRESS" } else { "LOCAL PORT" }, "STATE"], &rows);
    text
}

fn service(text: &mut String, service: &ServiceView, images: &[ImageView], all: bool, events: bool) {
    let _ = writeln!(
        text,
        "{STRONG}service {}{STRONG:#}  {}  desired {}, running {}, pending {}  {DIM}{} {}{DIM:#}",
        service.service_name,
        service.task_definition,
        service.desired_count,
        service.running_count,
        service.pending_count,
        service.deployment,
        service.rollout_state,
    );
    if service.deployments.len() > 1 {
        let rows: Vec<Vec<Cell>> = service.deployments.iter().map(deployment_row).collect();
        let traffic = service.deployments.iter().any(|deployment| deployment.traffic.is_some()).then_some("TRAFFIC");
        let columns = ["DEPLOYMENT", "STATUS", "TASK DEFINITION", "DESIRED", "PENDING", "RUNNING", "ROLLOUT"];
        let columns: Vec<&str> = columns.into_iter().chain(traffic).collect();
        align(text, &columns, &rows);
        text.push('\n');
    }
    for line in service.scaling.iter().flat_map(scaling_lines::lines) {
        let _ = writeln!(text, "{DIM}{line}{DIM:#}");
    }
    stage(text, service);
    tasks(text, &service.tasks, images, all);
    if events {
        text.push('\n');
        for event in &service.events {
            let _ = writeln!(text, "{DIM}{}{DIM:#}  {}", event.created_at, event.message);
        }
    }
    text.push('\n');
}

/// Where a deployment is that shifts traffic, and who is to decide.
fn stage(text: &mut String, service: &ServiceView) {
    let deployment = &service.service_deployment;
    let Some(stage) = &deployment.lifecycle_stage else { return };
    let _ = writeln!(text, "{NOTE}{stage}{NOTE:#}  service deployment {}", deployment.status);
    for hook in &deployment.lifecycle_hook_details {
        let target = hook.target_arn.as_deref().map(|target| format!(" {target}")).unwrap_or_default();
        let _ = writeln!(text, "  hook {}{target}  {}", hook.target_type, hook.status);
    }
    if deployment.is_paused() {
        let name = &service.service_name;
        let _ = writeln!(text, "  paused: `neargate continue-deployment {name}`, or with `--rollback`");
    }
    text.push('\n');
}

fn tasks(text: &mut String, tasks: &[TaskView], images: &[ImageView], all: bool) {
    let shown = tasks.iter().filter(|task| all || task.last_status != TaskStatus::Stopped);
    let mut rows = Vec::new();
    for task in shown {
        rows.push(task_row(task));
        rows.extend(task.containers.iter().map(|container| container_row(container, images)));
    }
    align(text, &["TASK", "STATUS", "HEALTH", "ADDRESS", "DETAIL"], &rows);
    let stopped = tasks.iter().filter(|task| task.last_status == TaskStatus::Stopped).count();
    if stopped > 0 && !all {
        let last = tasks.iter().rev().find(|task| task.last_status == TaskStatus::Stopped);
        let reason = last.and_then(TaskView::whole_reason).unwrap_or_default();
        let _ = writeln!(text, "{NOTE}{stopped} stopped{NOTE:#} (ps --all), the last one: {reason}");
    }
}

fn deployment_row(deployment: &DeploymentView) -> Vec<Cell> {
    let counts = [deployment.desired_count, deployment.pending_count, deployment.running_count];
    let style = if deployment.status == DeploymentStatus::Primary { STRONG } else { anstyle::Style::new() };
    let mut row = vec![
        Cell::plain(&deployment.id),
        Cell::new(deployment.status.as_str(), style),
        Cell::plain(&deployment.task_definition),
    ];
    row.extend(counts.map(|count| Cell::plain(&count.to_string())));
    row.push(Cell::plain(deployment.rollout_state.as_str()));
    row.extend(deployment.traffic.map(|TrafficView { production, test }| {
        let tests = test.map(|test| format!(", tests {test} %")).unwrap_or_default();
        Cell::plain(&format!("{production} %{tests}"))
    }));
    row
}

fn task_row(task: &TaskView) -> Vec<Cell> {
    let style = match task.last_status.known() {
        Some(TaskStatus::Running) => GOOD,
        Some(TaskStatus::Stopped) => BAD,
        _ => NOTE,
    };
    let until = task.protection(Timestamp::now());
    let protected = until.map(|until| format!("protected from scale-in until {until}"));
    vec![
        Cell::plain(short(&task.task_id)),
        Cell::new(task.last_status.as_str(), style),
        Cell::plain(health(&task.health_status)),
        Cell::plain(task.private_ipv4_address.as_deref().unwrap_or("-")),
        Cell::plain(&task.why_stopped().or(protected).unwrap_or_default()),
    ]
}

fn container_row(container: &ContainerView, images: &[ImageView]) -> Vec<Cell> {
    let ports: Vec<String> = container.ports.iter().map(u16::to_string).collect();
    let exit = container.exit_code.map(|code| format!("exit code {code}"));
    let detail: Vec<String> = exit.into_iter().chain(container.reason.clone()).collect();
    let detail = match (detail.is_empty(), waits_for(container, images)) {
        (true, Some(image)) => image,
        (true, None) => short_image(&container.image),
        (false, _) => detail.join(": "),
    };
    vec![
        Cell::plain(&format!("  {}", container.name)),
        Cell::plain(container.last_status.as_str()),
        Cell::plain(health(&container.health_status)),
        Cell::plain(&ports.iter().map(|port| format!(":{port}")).collect::<Vec<_>>().join(" ")),
        Cell::new(&detail, DIM),
    ]
}

/// How far the image is that keeps the container from starting: `building: Step 4/6 : RUN npm ci`.
fn waits_for(container: &ContainerView, images: &[ImageView]) -> Option<String> {
    let image = images.iter().find(|image| image.image == container.image)?;
    if container.last_status != ContainerStatus::Pending {
        return None;
    }
    if image.status == ImageStatus::Failed {
        return Some("its image is unavailable: neargate doctor".to_owned());
    }
    let state = image.status.as_str().to_lowercase();
    let detail = image.detail.as_ref().map_or(state.clone(), |detail| format!("{state}: {detail}"));
    image.is_on_its_way().then_some(detail)
}

/// ECS says UNKNOWN of what has no check, which reads like a fault.
fn health(status: &Word<HealthStatus>) -> &str {
    if *status == HealthStatus::Unknown { "-" } else { status.as_str() }
}

/// A registry's address is long and the same for all; the end of a reference is what tells images apart.
fn short_image(image: &str) -> String {
    const WIDTH: usize = 40;
    match image.rsplit_once('/') {
        Some((_, name)) if image.chars().count() > WIDTH => format!("…/{name}"),
        _ => image.to_owned(),
    }
}

fn target_row(group: &str, target: &TargetView) -> Vec<Cell> {
    let style = match target.state.known() {
        Some(TargetHealthState::Healthy) => GOOD,
        Some(TargetHealthState::Unhealthy) => BAD,
        _ => NOTE,
    };
    let reason = match (&target.reason, &target.description) {
        (Some(reason), Some(description)) => format!("{reason}: {description}"),
        _ => "-".to_owned(),
    };
    vec![
        Cell::plain(group),
        Cell::plain(&format!("{}:{}", target.id, target.port)),
        Cell::new(target.state.as_str(), style),
        Cell::plain(&reason),
    ]
}

/// A piece of text and its colour; width is counted without it.
struct Cell {
    text: String,
    style: anstyle::Style,
}

impl Cell {
    fn plain(text: &str) -> Self {
        Self::new(text, anstyle::Style::new())
    }

    fn new(text: &str, style: anstyle::Style) -> Self {
        Self { text: text.to_owned(), style }
    }
}

fn align(text: &mut String, headings: &[&str], rows: &[Vec<Cell>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.chars().count());
        cells.chain([headings[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let heading: Vec<Cell> = headings.iter().map(|heading| Cell::new(heading, DIM)).collect();
    for row in [&heading].into_iter().chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let padding = " ".repeat(width - cell.text.chars().count().min(*width) + 3);
            let style = cell.style;
            let _ = write!(line, "{style}{}{style:#}{padding}", cell.text);
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::world::RolloutState;

    #[test]
    fn deployments_are_listed_while_one_replaces_another() {
        let deployment =
            |id: &str, status: DeploymentStatus, revision: &str, counts: [u32; 3], rollout: RolloutState| {
                DeploymentView {
                    id: id.to_owned(),
                    status: status.into(),
                    task_definition: revision.to_owned(),
                    desired_count: counts[0],
                    pending_count: counts[1],
                    running_count: counts[2],
                    rollout_state: rollout.into(),
                    ..DeploymentView::default()
                }
            };
        let mut shown = ServiceView { service_name: "app".into(), ..ServiceView::default() };
        let plain = |shown: &ServiceView| {
            let mut text = String::new();
            service(&mut text, shown, &[], false, false);
            anstream::adapter::strip_str(&text).to_string()
        };
        shown.deployments =
            vec![deployment("ecs-svc/2", DeploymentStatus::Primary, "app:2", [2, 1, 1], RolloutState::InProgress)];
        assert!(!plain(&shown).contains("PRIMARY"));
        shown.deployments.push(deployment(
            "ecs-svc/1",
            DeploymentStatus::Active,
            "app:1",
            [1, 0, 1],
            RolloutState::Completed,
        ));
        let expected = "\
            DEPLOYMENT   STATUS    TASK DEFINITION   DESIRED   PENDING   RUNNING   ROLLOUT\n\
            ecs-svc/2    PRIMARY   app:2             2         1         1         IN_PROGRESS\n\
            ecs-svc/1    ACTIVE    app:1             1         0         1         COMPLETED\n";
        assert!(plain(&shown).contains(expected), "{}", plain(&shown));
    }

    #[test]
    fn columns_line_up_whatever_their_colour() {
        let mut text = String::new();
        let rows = vec![vec![Cell::new("a", GOOD), Cell::plain("x")], vec![Cell::plain("long"), Cell::plain("y")]];
        align(&mut text, &["NAME", "V"], &rows);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(plain, "NAME   V\na      x\nlong   y\n");
    }
}
