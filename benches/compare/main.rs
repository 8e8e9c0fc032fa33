//! Compares neargate with other load balancers, on the same work, in one run: `make bench`.
//!
//! ```text
//!  make bench                                  everything, seven rounds
//!  make bench ARGS="a b --rounds 3"            two workloads, three rounds
//!  make bench ARGS="--only neargate,nginx"     some contenders
//!  make figures                                writes the latest results into the two READMEs and their picture
//! ```
//!
//! `benches/README.md` says what is measured and how to read it.

mod bare;
mod check;
mod contenders;
mod documents;
mod engine;
mod growth;
mod load;
mod process;
mod report;
mod rolls;
mod runs;
mod target;

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use contenders::{Contender, Ground, Running};
use engine::Engine;
use load::{Job, Kind, Tls};
use process::Tree;
use report::{Figures, Rest, Results};
use runs::Runs;

/// All workloads, in the order in which they run.
const WORKLOADS: [&str; 16] =
    ["a", "h", "b", "c", "d", "e", "e-resumed", "g", "a-log", "f", "i", "j", "k", "n", "o", "p"];

/// Duration of the warm-up before every measurement.
const WARM_UP: Duration = Duration::from_millis(300);
/// Number of connections of workload f.
const RESTING_CONNECTIONS: usize = 5_000;
/// Interval between the requests of workload g.
const RATE_EVERY: Duration = Duration::from_millis(2);
/// Memory is measured after this settling time.
const CALM: Duration = Duration::from_millis(1_500);
/// How long idle processes are watched.
const WATCH: Duration = Duration::from_secs(5);
/// Rounds for memory, which hardly differs between rounds and takes long to measure.
const ROUNDS_OF_MEMORY: usize = 3;
/// The time for one contender in one round in addition to the measurements, for the estimate: connections, a start,
/// five thousand connections, a task, a run, rolls.
const BESIDE_TRAFFIC: Duration = Duration::from_millis(250);
const BESIDE_START: Duration = Duration::from_millis(500);
const BESIDE_REST: Duration = Duration::from_secs(5);
const BESIDE_TASK: Duration = Duration::from_secs(2);
const BESIDE_RUN: Duration = Duration::from_secs(3);
const BESIDE_GROWTH: Duration = Duration::from_secs(2);
const BESIDE_ROLLS: Duration = Duration::from_secs(30);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> std::process::ExitCode {
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, ports @ ..] = arguments.as_slice()
        && command == "serve-targets"
    {
        let ports: Vec<u16> = ports.iter().map(|port| port.parse()).collect::<std::result::Result<_, _>>()?;
        return Ok(target::run(&ports)?);
    }
    if let [command, file] = arguments.as_slice()
        && command == "serve-bare"
    {
        return bare::run(Path::new(file));
    }
    if arguments == ["figures"] {
        return Ok(documents::write(&root(), &Results::read(&root().join(MEASURED))?)?);
    }
    let plan = Plan::read(&arguments)?;
    raise_file_limit()?;
    process::pin_to(process::LOAD_CORE).map_err(|error| format!("this takes two cores: {error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, compare(plan))
}

/// The plan of a run.
struct Plan {
    workloads: Vec<String>,
    contenders: Vec<String>,
    rounds: usize,
    measured: Duration,
}

impl Plan {
    fn read(arguments: &[String]) -> Result<Self> {
        let mut plan = Self {
            workloads: Vec::new(),
            contenders: contenders::NAMES
                .into_iter()
                .filter(|name| *name != contenders::BEFORE)
                .map(str::to_owned)
                .collect(),
            rounds: 7,
            measured: Duration::from_millis(1_500),
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} takes a value"));
            match argument.as_str() {
                "--rounds" => plan.rounds = value()?.parse()?,
                "--seconds" => plan.measured = Duration::from_secs_f64(value()?.parse()?),
                "--only" => plan.contenders = value()?.split(',').map(str::to_owned).collect(),
                name if WORKLOADS.contains(&name) => plan.workloads.push(name.to_owned()),
                name => return Err(format!("no workload is called {name}; there are {}", WORKLOADS.join(", ")).into()),
            }
        }
        if plan.workloads.is_empty() {
            plan.workloads = WORKLOADS.map(str::to_owned).to_vec();
        }
        Ok(plan)
    }

    /// The estimated duration.
    fn estimate(&self, contenders: usize) -> Duration {
        let rounds = |workload: &str| if workload == "f" { self.rounds_of_memory() } else { self.rounds };
        let one = |workload: &str| match workload {
            "f" => 2 * CALM + BESIDE_REST,
            "i" => CALM + BESIDE_START,
            "j" => BESIDE_TASK,
            "k" => BESIDE_RUN,
            "o" | "p" => BESIDE_ROLLS,
            "n" => 3 * (WARM_UP + self.measured) + BESIDE_GROWTH,
            _ => WARM_UP + self.measured + BESIDE_TRAFFIC,
        };
        let total = |workload: &String| one(workload) * (rounds(workload) * contenders) as u32;
        self.workloads.iter().map(total).sum()
    }

    fn rounds_of_memory(&self) -> usize {
        self.rounds.min(ROUNDS_OF_MEMORY)
    }

    /// The requested ones among these, in their order.
    fn wanted<'n>(&self, names: &[&'n str]) -> Vec<&'n str> {
        names.iter().copied().filter(|name| self.workloads.iter().any(|wanted| wanted == name)).collect()
    }
}

/// The file with all results, for [`Results::read`].
const MEASURED: &str = "target/bench/measured.json";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

async fn compare(plan: Plan) -> Result<()> {
    let folder = root().join("target/bench");
    std::fs::create_dir_all(&folder)?;
    let mut contenders = Vec::new();
    for name in &plan.contenders {
        match Contender::find(name, &folder.join("bin")) {
            Ok(contender) => contenders.push(contender),
            Err(missing) => eprintln!("left out: {missing}"),
        }
    }
    let estimate = plan.estimate(contenders.len()).as_secs_f64() / 60.0;
    eprintln!("{} rounds with {} contenders: about {estimate:.0} minutes", plan.rounds, contenders.len());
    make_certificate(&folder)?;
    let [target_web, target_api] = contenders::free_ports()?;
    let ground = Ground { folder: folder.clone(), target_web, target_api };
    let mut targets = Command::new(std::env::current_exe()?);
    targets.arg("serve-targets").args([target_web, target_api].map(|port| port.to_string()));
    let _targets = Tree::start(targets, process::LOAD_CORE, &folder.join("targets.log"))?;
    let mut bench = Bench {
        plan,
        contenders,
        ground,
        tls: Tls::trusting(&folder.join("certificate.pem"))?,
        results: Results::default(),
    };

    bench.keep_those_that_work().await;
    bench.traffic(&["a", "h", "b", "c", "d", "e", "e-resumed", "g"], false).await?;
    bench.traffic(&["a-log"], true).await?;
    bench.resting_connections().await?;
    bench.start().await?;
    bench.tasks().await;
    bench.runs();
    bench.growth().await?;
    bench.rolls().await?;

    let Bench { contenders, mut results, .. } = bench;
    for contender in contenders.iter().filter(|contender| contender.is_whole()) {
        results.note_binary(contender.name, std::fs::metadata(&contender.binary)?.len());
    }
    println!("{}", results.table());
    let root = root();
    results.write(&root.join(MEASURED), &folder.join("results.json"), &folder.join("results.svg"))?;
    println!("written: target/bench/results.json and .svg; `make figures` puts figures and picture into the READMEs");
    Ok(())
}

struct Bench {
    plan: Plan,
    contenders: Vec<Contender>,
    ground: Ground,
    tls: Tls,
    results: Results,
}

impl Bench {
    /// Contenders that do not start, or do not do the same work, are left out; the others are still compared.
    async fn keep_those_that_work(&mut self) {
        let mut working = Vec::new();
        for contender in std::mem::take(&mut self.contenders) {
            match self.works(&contender).await {
                Ok(()) => working.push(contender),
                Err(error) => eprintln!("left out: {}: {error}", contender.name),
            }
        }
        self.contenders = working;
    }

    async fn works(&self, contender: &Contender) -> Result<()> {
        for log in [false, true] {
            let mut started = contender.start(&self.ground, log)?;
            check::first_request(&mut started, &self.tls, Instant::now()).await?;
            if contender.is_whole() {
                check::same_work(&started, &self.ground, &self.tls).await?;
            }
        }
        Ok(())
    }

    /// Workloads that send requests. All contenders run at the same time and are idle except in their turn.
    async fn traffic(&mut self, workloads: &[&'static str], log: bool) -> Result<()> {
        let workloads = self.plan.wanted(workloads);
        if workloads.is_empty() {
            return Ok(());
        }
        let mut running = Vec::new();
        for contender in &self.contenders {
            let mut started = contender.start(&self.ground, log)?;
            check::first_request(&mut started, &self.tls, Instant::now()).await?;
            running.push(started);
        }
        for round in 0..self.plan.rounds {
            for &workload in &workloads {
                let direct = if workload == "g" { Some(self.rate(None).await?) } else { None };
                // No contender is always first.
                running.rotate_left(1);
                for contender in running.iter().filter(|running| contenders::takes(running.name, workload)) {
                    eprintln!("round {} of {}: {workload} {}", round + 1, self.plan.rounds, contender.name);
                    let figures = match &direct {
                        Some(direct) => self.added(contender, direct).await,
                        None => self.load(contender, workload).await,
                    };
                    // A round without figures keeps its place: ratios are taken within rounds.
                    let figures = figures.unwrap_or_else(|error| {
                        eprintln!("no figures: {error}");
                        Figures::default()
                    });
                    self.results.add(workload, contender.name, figures);
                }
            }
        }
        Ok(())
    }

    async fn load(&self, contender: &Running, workload: &str) -> Result<Figures> {
        let both: &[&str] = &["/small", "/api/small"];
        let job = |kind, paths, upload, connections| Job { kind, paths, upload, connections };
        let (job, port) = match workload {
            "a" | "a-log" => (job(Kind::Http1, both, 0, 64), contender.place.port),
            "b" => (job(Kind::Http2, both, 0, 64), contender.place.port),
            "c" => (job(Kind::Http1, &["/big", "/api/big"], 0, 8), contender.place.port),
            "d" => (job(Kind::Http1, &["/upload", "/api/upload"], 1024 * 1024, 8), contender.place.port),
            "e" | "e-resumed" => (job(Kind::NewConnection, both, 0, 16), contender.place.port),
            "h" => (job(Kind::Http1, &["/100-service/small"], 0, 64), contender.place.port_rules),
            other => return Err(format!("workload {other} is not made of requests").into()),
        };
        self.load_with(contender, workload, &job, port).await
    }

    async fn load_with(&self, contender: &Running, workload: &str, job: &Job, port: u16) -> Result<Figures> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut marks = Vec::new();
        let mark = || marks.push((Instant::now(), contender.tree.cpu_times()));
        let resume = workload == "e-resumed";
        let seen = load::run(&self.tls, address, job, resume, WARM_UP, self.plan.measured, mark)
            .await
            .map_err(|error| format!("{} in {workload}: {error}", contender.name))?;
        let [(begun, cpu_before), (ended, cpu_after)] = marks[..] else { return Err("no marks".into()) };
        let requests = seen.requests as f64;
        let [user_us, system_us] =
            [0, 1].map(|part| (cpu_after[part] - cpu_before[part]).as_secs_f64() * 1e6 / requests);
        Ok(Figures {
            cpu_us: Some(user_us + system_us),
            user_us: Some(user_us),
            rps: Some(requests / (ended - begun).as_secs_f64()),
            p50_ms: Some(seen.percentile(50.0)),
            p99_ms: Some(seen.percentile(99.0)),
            memory_kib: Some(contender.tree.memory_kib() as f64),
        })
    }

    /// 500 requests per second, to a contender or directly to a target.
    async fn rate(&self, contender: Option<&Running>) -> Result<load::Seen> {
        let port = contender.map_or(self.ground.target_web, |contender| contender.place.port);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let count = (self.plan.measured.as_secs_f64() / RATE_EVERY.as_secs_f64()) as usize;
        Ok(load::at_rate(contender.map(|_| &self.tls), address, "/small", RATE_EVERY, count).await?)
    }

    /// The latency that a contender adds to that of its target.
    async fn added(&self, contender: &Running, direct: &load::Seen) -> Result<Figures> {
        let before = contender.tree.cpu_time();
        let seen = self.rate(Some(contender)).await?;
        let cpu = contender.tree.cpu_time() - before;
        let added = |percent| Some(seen.percentile(percent) - direct.percentile(percent));
        Ok(Figures {
            cpu_us: Some(cpu.as_secs_f64() * 1e6 / seen.requests as f64),
            user_us: None,
            rps: Some(1.0 / RATE_EVERY.as_secs_f64()),
            p50_ms: added(50.0),
            p99_ms: added(99.0),
            memory_kib: Some(contender.tree.memory_kib() as f64),
        })
    }

    /// Memory per connection: with all connections, minus the memory after the first request.
    async fn resting_connections(&mut self) -> Result<()> {
        let rounds = self.plan.rounds_of_memory();
        for round in 0..rounds {
            for workload in self.plan.wanted(&["f"]) {
                for contender in &self.contenders {
                    eprintln!("round {} of {rounds}: {workload} {}", round + 1, contender.name);
                    let mut running = contender.start(&self.ground, false)?;
                    check::first_request(&mut running, &self.tls, Instant::now()).await?;
                    tokio::time::sleep(CALM).await;
                    let before = running.tree.memory_kib();
                    let address = SocketAddr::from(([127, 0, 0, 1], running.place.port));
                    let resting = load::rest(&self.tls, address, RESTING_CONNECTIONS).await?;
                    tokio::time::sleep(CALM).await;
                    let more = running.tree.memory_kib().saturating_sub(before);
                    drop(resting);
                    let figures =
                        Figures { memory_kib: Some(more as f64 / RESTING_CONNECTIONS as f64), ..Figures::default() };
                    self.results.add(workload, contender.name, figures);
                }
            }
        }
        Ok(())
    }

    /// From the start of the process to the first response; in the last round also its activity when idle.
    async fn start(&mut self) -> Result<()> {
        for round in 0..self.plan.rounds {
            for workload in self.plan.wanted(&["i"]) {
                for contender in self.contenders.iter().filter(|contender| contenders::takes(contender.name, workload))
                {
                    eprintln!("round {} of {}: {workload} {}", round + 1, self.plan.rounds, contender.name);
                    let started = Instant::now();
                    let mut running = contender.start(&self.ground, false)?;
                    let first = check::first_request(&mut running, &self.tls, started).await?;
                    tokio::time::sleep(CALM).await;
                    let figures = Figures {
                        p50_ms: Some(first.as_secs_f64() * 1e3),
                        memory_kib: Some(running.tree.memory_kib() as f64),
                        ..Figures::default()
                    };
                    self.results.add(workload, contender.name, figures);
                    if round + 1 == self.plan.rounds {
                        self.results.note_rest(contender.name, watch(&running).await);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Bench {
    /// A task run by neargate, and by the bare calls to the engine.
    async fn tasks(&mut self) {
        let [workload] = self.plan.wanted(&["j"])[..] else { return };
        let Some(neargate) = self.contenders.iter().find(|contender| contender.name == "neargate") else { return };
        let neargate = neargate.of_a_task();
        let engine = match Engine::find(&neargate, &self.ground).await {
            Ok(engine) => engine,
            Err(missing) => return eprintln!("left out: workload {workload}: {missing}"),
        };
        for round in 0..self.plan.rounds {
            eprintln!("round {} of {}: {workload}", round + 1, self.plan.rounds);
            // The order alternates.
            let (task, bare) = if round % 2 == 0 {
                let task = engine.task(&neargate, &self.ground).await;
                (task, engine.bare().await)
            } else {
                let bare = engine.bare().await;
                (engine.task(&neargate, &self.ground).await, bare)
            };
            for (contender, measured) in [("neargate", task), ("engine", bare)] {
                let [up, down] = match measured {
                    Ok((up, down)) => [up, down].map(Figures::of_time),
                    Err(error) => {
                        eprintln!("no figures: {contender}: {error}");
                        Default::default()
                    }
                };
                self.results.add("j", contender, up);
                self.results.add("j-down", contender, down);
            }
        }
        engine.leave().await;
    }
}

impl Bench {
    /// The stack for one command, compared with docker compose and with the application alone.
    fn runs(&mut self) {
        let [workload] = self.plan.wanted(&["k"])[..] else { return };
        let Some(neargate) = self.contenders.iter().find(|contender| contender.name == "neargate") else { return };
        let runs = match Runs::find(neargate, &self.ground) {
            Ok(runs) => runs,
            Err(missing) => return eprintln!("left out: workload {workload}: {missing}"),
        };
        for round in 0..self.plan.rounds {
            eprintln!("round {} of {}: {workload}", round + 1, self.plan.rounds);
            for (contender, took) in runs.all() {
                let figures = took.map(Figures::of_time).unwrap_or_else(|error| {
                    eprintln!("no figures: {contender}: {error}");
                    Figures::default()
                });
                self.results.add(workload, contender, figures);
            }
        }
    }
}

impl Bench {
    /// How cost grows with rules, targets and tasks.
    async fn growth(&mut self) -> Result<()> {
        let [_] = self.plan.wanted(&["n"])[..] else { return Ok(()) };
        let Some(neargate) = self.contenders.iter().find(|contender| contender.name == "neargate").cloned() else {
            return Ok(());
        };
        for round in 0..self.plan.rounds {
            eprintln!("round {} of {}: n", round + 1, self.plan.rounds);
            for rules in &growth::RULES {
                let mut running = neargate.of_rules(rules.count).start(&self.ground, false)?;
                check::first_request(&mut running, &self.tls, Instant::now()).await?;
                let job = Job { kind: Kind::Http1, paths: rules.paths, upload: 0, connections: 64 };
                let figures = self.load_with(&running, rules.requests, &job, running.place.port).await?;
                self.results.add(rules.requests, neargate.name, figures);
                let took = growth::check(&neargate.binary, &running)?;
                self.results.add(rules.check, neargate.name, Figures::of_time(took));
            }
            for size in &growth::SIZES {
                let planning = growth::planning(size)?;
                self.results.add(size.everything, neargate.name, Figures::of_time(planning.everything));
                self.results.add(size.change, neargate.name, Figures::of_time(planning.change));
            }
            self.results.add(growth::RENEWAL, neargate.name, Figures::of_time(growth::renewal()?));
        }
        Ok(())
    }
}

impl Bench {
    /// Services that are replaced, and one at rest.
    async fn rolls(&mut self) -> Result<()> {
        let wanted = self.plan.wanted(&["o", "p"]);
        if wanted.is_empty() {
            return Ok(());
        }
        let Some(neargate) = self.contenders.iter().find(|contender| contender.name == "neargate").cloned() else {
            return Ok(());
        };
        let engine = match Engine::find(&neargate.of_a_task(), &self.ground).await {
            Ok(engine) => engine,
            Err(missing) => {
                eprintln!("left out: workloads {}: {missing}", wanted.join(" and "));
                return Ok(());
            }
        };
        if wanted.contains(&"o") {
            for roll in &rolls::ROLLS {
                self.roll(&neargate, &engine, roll).await?;
                engine.forget().await;
            }
        }
        if wanted.contains(&"p") {
            eprintln!("p: {} tasks at rest", rolls::RESTING_TASKS);
            let stack = rolls::Stack::start(&neargate, &self.ground, rolls::RESTING_TASKS).await?;
            let rest = watch(&stack.running).await;
            self.results.note_rest(rolls::AT_REST, rest);
        }
        engine.leave().await;
        Ok(())
    }

    async fn roll(&mut self, neargate: &Contender, engine: &Engine, roll: &rolls::Roll) -> Result<()> {
        let mut rolling = rolls::Rolling::start(neargate, engine, &self.ground, roll.tasks).await?;
        for round in 0..self.plan.rounds {
            eprintln!("round {} of {}: {}", round + 1, self.plan.rounds, roll.name);
            // The order alternates.
            let (own, bare) = if round % 2 == 0 {
                let own = rolling.neargate().await?;
                (own, rolling.bare().await?)
            } else {
                let bare = rolling.bare().await?;
                (rolling.neargate().await?, bare)
            };
            self.results.add(roll.name, neargate.name, Figures::of_time(own));
            self.results.add(roll.name, report::ENGINE, Figures::of_time(bare));
        }
        Ok(())
    }
}

/// What a contender does when nothing happens.
async fn watch(running: &Running) -> Rest {
    tokio::time::sleep(CALM).await;
    let (sleeps, cpu) = (running.tree.sleeps(), running.tree.cpu_time());
    tokio::time::sleep(WATCH).await;
    let per_second = |count: f64| count / WATCH.as_secs_f64();
    Rest {
        wake_ups_per_second: per_second((running.tree.sleeps() - sleeps) as f64),
        cpu_percent: per_second((running.tree.cpu_time() - cpu).as_secs_f64()) * 100.0,
    }
}

/// The P-256 certificate of all contenders.
fn make_certificate(folder: &Path) -> Result<()> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let certificate = rcgen::CertificateParams::new(vec![load::HOST.to_owned()])?.self_signed(&key)?.pem();
    let key = key.serialize_pem();
    let file = |name: &str, text: &str| std::fs::write(PathBuf::from(folder).join(name), text);
    file("both.pem", &format!("{certificate}{key}"))?;
    file("certificate.pem", &certificate)?;
    Ok(file("key.pem", &key)?)
}

/// Contenders inherit the limit.
fn raise_file_limit() -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let most = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })?)
}
