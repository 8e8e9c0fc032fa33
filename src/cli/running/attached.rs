//! The output of containers of a stack in the foreground, as in Compose. The load balancer's health checks are hidden:
//! there is one every few seconds.

use crate::admin::view::shape::ClusterView;
use crate::cli::failure::Failure;
use crate::cli::input::arguments::ALL;
use crate::cli::input::arguments::{Format, UpArgs};
use crate::cli::input::project::Project;
use crate::cli::output::follow::{Output, Wanted};
use crate::cli::output::health_lines::HealthLines;
use crate::cli::output::live::Live;
use crate::cli::output::printer::Printer;
use crate::logs::containers::reader::LogReader;
use crate::machine::following::Following;

/// Follows what containers write.
pub(crate) struct Attached {
    reader: LogReader,
    following: Following,
    output: Output,
    attach: Vec<String>,
    no_attach: Vec<String>,
}

impl Attached {
    pub(crate) fn new(project: &Project, args: &UpArgs) -> Self {
        let logs = project.folders.container_logs();
        // No container may have said anything yet. A folder that cannot be made is told of by whoever writes to it.
        let _ = std::fs::create_dir_all(&logs);
        Self {
            reader: LogReader::new(&logs),
            following: Following::of(logs),
            output: Output::new(Format::Table, false),
            attach: args.attach.clone(),
            no_attach: args.no_attach.clone(),
        }
    }

    /// Whether any container is shown.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.no_attach.iter().any(|name| name == ALL)
    }

    /// Waits until there may be something to print.
    pub(crate) async fn grown(&mut self) {
        self.following.grown().await;
    }

    /// Prints what was written since the last call.
    pub(crate) fn show(&mut self, view: &ClusterView, live: &mut Live, printer: &mut Printer) -> Result<(), Failure> {
        if !self.is_wanted() {
            return Ok(());
        }
        let health = HealthLines::from_view(view);
        let wanted = Wanted { containers: &self.attach, since: None, health: Some(&health) };
        // Output that cannot be read is not worth the stack.
        let mut entries = self.reader.read().unwrap_or_default();
        entries.retain(|entry| wanted.takes(entry) && !self.no_attach.contains(&entry.container));
        match entries.is_empty() {
            true => Ok(()),
            false => live.output(&self.output.text(&entries)?, printer),
        }
    }
}
