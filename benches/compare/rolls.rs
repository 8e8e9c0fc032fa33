//! Workload o: a service of one task and of ten is replaced, compared with the calls to the container engine that this
//! needs. Workload p: twenty tasks at rest.
//!
//! A roll of neargate's goes from the start of `neargate deploy --force-new-deployment` to its end, when the service is
//! stable: the new tasks are healthy targets, the old ones are gone. The bare calls start as many tasks together, and
//! then stop and remove the old ones together.

use std::io;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::contenders::{Contender, Ground, Running};
use crate::engine::{BareTask, Engine};

/// A service that is replaced.
pub(crate) struct Roll {
    /// The workload's name in the results.
    pub(crate) name: &'static str,
    /// How many tasks it has.
    pub(crate) tasks: usize,
}

/// Both sizes, the smaller one first.
pub(crate) const ROLLS: [Roll; 2] = [Roll { name: "o-1", tasks: 1 }, Roll { name: "o-10", tasks: 10 }];

/// The number of tasks of workload p.
pub(crate) const RESTING_TASKS: usize = 20;

/// Its name among those at rest.
pub(crate) const AT_REST: &str = "neargate with 20 tasks";

/// The command of `contenders/task-definition-web.json`.
const COMMAND: [&str; 3] =
    ["sh", "-c", "echo ready > /tmp/index.html; trap 'exit 0' TERM; httpd -f -p 8080 -h /tmp & wait"];
/// A stack that has not answered by then does not start.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a stack that starts.
const LOOK: Duration = Duration::from_millis(50);

/// A service whose tasks run, beside as many tasks of bare calls.
pub(crate) struct Rolling<'e> {
    stack: Stack<'e>,
    engine: &'e Engine,
    bare: Vec<BareTask>,
    round: usize,
}

impl<'e> Rolling<'e> {
    /// Starts both.
    pub(crate) async fn start(
        neargate: &'e Contender,
        engine: &'e Engine,
        ground: &'e Ground,
        tasks: usize,
    ) -> io::Result<Self> {
        let stack = Stack::start(neargate, ground, tasks).await?;
        engine.create_network().await?;
        let bare = engine.start_all(0, tasks, &COMMAND).await?;
        Ok(Self { stack, engine, bare, round: 0 })
    }

    /// A roll of neargate's.
    pub(crate) async fn neargate(&self) -> io::Result<Duration> {
        let start = Instant::now();
        self.stack.run(&["deploy", "--force-new-deployment"]).await?;
        Ok(start.elapsed())
    }

    /// The same by the bare calls.
    pub(crate) async fn bare(&mut self) -> io::Result<Duration> {
        self.round += 1;
        let old = std::mem::take(&mut self.bare);
        let start = Instant::now();
        self.bare = self.engine.roll(self.round, old, &COMMAND).await?;
        Ok(start.elapsed())
    }
}

/// A stack whose service is stable.
pub(crate) struct Stack<'e> {
    pub(crate) running: Running,
    neargate: &'e Contender,
    ground: &'e Ground,
}

impl<'e> Stack<'e> {
    /// Starts it, and waits until all its tasks are healthy targets.
    pub(crate) async fn start(neargate: &'e Contender, ground: &'e Ground, tasks: usize) -> io::Result<Self> {
        let running = neargate.of_tasks(tasks).start(ground, false)?;
        let stack = Self { running, neargate, ground };
        let started = Instant::now();
        while let Err(error) = stack.run(&["ps"]).await {
            if started.elapsed() > PATIENCE {
                return Err(error);
            }
            tokio::time::sleep(LOOK).await;
        }
        stack.run(&["up", "--detach", "--wait"]).await?;
        Ok(stack)
    }

    /// Runs a command against it.
    async fn run(&self, words: &[&str]) -> io::Result<()> {
        let mut command = self.running.place.command(&self.neargate.binary, self.ground);
        command.arg("--file").arg(self.running.place.file()).args(words).stdin(Stdio::null());
        let output = command.output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("neargate {}: {}", words[0], String::from_utf8_lossy(&output.stderr).trim())))
    }
}
