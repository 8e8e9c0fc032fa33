//! What was measured, in the READMEs: blocks between markers and a picture, made by `make figures` and never by hand.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::contenders;
use crate::growth;
use crate::report::{Results, main_figure};

/// Every workload: what it is called, the unit, digits after the point, and what is aimed at.
const ROWS: [(&str, &str, usize, &str); 11] = [
    ("a", "µs", 1, "0.70 × both"),
    ("a-log", "µs", 1, "0.75 × both"),
    ("b", "µs", 1, "0.90 × HAProxy"),
    ("c", "µs/MiB", 0, "0.55 × nginx"),
    ("d", "µs/MiB", 0, "0.75 × nginx"),
    ("e", "µs", 0, "0.40 × nginx"),
    ("e-resumed", "µs", 0, "0.40 × nginx"),
    ("f", "KiB/connection", 1, "0.90 × nginx"),
    ("g", "ms added (p50)", 3, "below both"),
    ("h", "µs", 1, "1.03 × a"),
    ("i", "ms", 0, "40 ms"),
];

/// For the README: the workloads that say most, in words.
const IN_SHORT: [(&str, &str, &str); 8] = [
    ("a", "CPU time of a small GET, HTTP/1.1", "µs"),
    ("b", "… HTTP/2", "µs"),
    ("c", "… of 1 MiB down", "µs"),
    ("d", "… of 1 MiB up", "µs"),
    ("e", "… of a new TLS connection and a request", "µs"),
    ("f", "Memory per idle TLS connection", "KiB"),
    ("g", "Latency added at 500 requests/s (p50)", "ms"),
    ("i", "Start to first response", "ms"),
];

/// Those that the tables name.
const OTHERS: [(&str, &str); 5] =
    [("nginx", "nginx"), ("haproxy", "HAProxy"), ("envoy", "Envoy"), ("caddy", "Caddy"), ("traefik", "Traefik")];

/// Rewrites the blocks of both READMEs that have one, and the picture that they show.
pub(crate) fn write(root: &Path, results: &Results) -> io::Result<()> {
    for (file, name, block) in
        [("benches/README.md", "figures", in_full(results)), ("README.md", "figures", in_short(results))]
    {
        let path = root.join(file);
        let text = std::fs::read_to_string(&path)?;
        match replaced(&text, name, &block) {
            Some(text) => {
                std::fs::write(&path, text)?;
                println!("{file}: written");
            }
            None => println!("{file}: has no line <!-- {name} --> and no line <!-- /{name} --> after it"),
        }
    }
    results.draw(&root.join("benches/results.svg"))
}

/// The text with another block between the two markers.
fn replaced(text: &str, name: &str, block: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{block}{end}{after}"))
}

fn in_full(results: &Results) -> String {
    let mut text = conditions(results);
    let _ = writeln!(text, "\n| | neargate | nginx | HAProxy | ÷ nginx [quartiles] | ÷ HAProxy [quartiles] | aim |");
    let _ = writeln!(text, "|---|---|---|---|---|---|---|");
    for (workload, unit, digits, aim) in ROWS {
        let figure = main_figure(workload).1;
        let value = |contender: &str| {
            let value = results.median(workload, contender, figure);
            value.map_or("–".to_owned(), |value| format!("{value:.digits$}"))
        };
        let ratio = |contender: &str| {
            let ratio = results.ratio((workload, "neargate"), (workload, contender), figure);
            ratio.map_or("–".to_owned(), show)
        };
        let [own, nginx, haproxy] = ["neargate", "nginx", "haproxy"].map(value);
        let _ = writeln!(
            text,
            "| {workload}, {unit} | {own} | {nginx} | {haproxy} | {} | {} | {aim} |",
            ratio("nginx"),
            ratio("haproxy")
        );
    }
    let over_a = |contender: &str| {
        let ratio = results.ratio(("h", contender), ("a", contender), |figures| figures.cpu_us);
        ratio.map_or("–".to_owned(), |[_, ratio, _]| format!("{ratio:.2}"))
    };
    let [own, nginx, haproxy] = ["neargate", "nginx", "haproxy"].map(over_a);
    let _ = writeln!(text, "| h ÷ a | {own} | {nginx} | {haproxy} | | | 1.03 |");
    for (workload, what) in [("j", "j, up"), ("j-down", "j, down")] {
        let Some(ratio) = results.beside_engine(workload) else { continue };
        let value = |contender: &str| results.median(workload, contender, |figures| figures.p50_ms).unwrap_or_default();
        let (own, bare) = (value("neargate"), value("engine"));
        let _ = writeln!(text, "| {what} | {own:.0} ms | | | bare calls: {bare:.0} ms; ÷ {} | | 1.1 × |", show(ratio));
    }
    run(results, &mut text);
    if let Some(bytes) = results.binary("neargate") {
        let _ = writeln!(text, "| binary | {:.1} MB | | | | | 12 MB |", bytes as f64 / 1e6);
    }
    growth(results, &mut text);
    others(results, &mut text);
    for (contender, name) in [("neargate", "neargate")].into_iter().chain(OTHERS) {
        let Some(rest) = results.rest(contender) else { continue };
        let memory = results.median("i", contender, |figures| figures.memory_kib).unwrap_or_default() / 1024.0;
        let _ = writeln!(
            text,
            "- at rest {name} wakes up {:.1} times a second, takes {:.2} % of a core and {memory:.0} MiB (Pss)",
            rest.wake_ups_per_second, rest.cpu_percent
        );
    }
    text
}

/// What a stack for one command adds to the start of the application.
fn run(results: &Results, text: &mut String) {
    let value = |contender: &str| results.median("k", contender, |figures| figures.p50_ms);
    let (Some(own), Some(application)) = (value("neargate"), value("application")) else { return };
    let compose = value("compose").map_or("not there".to_owned(), |compose| format!("{compose:.0} ms"));
    let added = own - application;
    let _ = writeln!(
        text,
        "| k | {own:.0} ms | docker compose: {compose} | | application alone: {application:.0} ms; added {added:.0} ms | \
         | added 3000 ms |"
    );
}

/// How cost grows, if that was measured.
fn growth(results: &Results, text: &mut String) {
    let median = |workload: &str| results.median(workload, "neargate", main_figure(workload).1);
    let cells = |workloads: [&str; 3], digits: usize| -> Option<String> {
        let values = workloads.map(median).into_iter().collect::<Option<Vec<f64>>>()?;
        Some(values.iter().map(|value| format!("{value:.digits$}")).collect::<Vec<_>>().join(" | "))
    };
    let requests = cells(growth::RULES.map(|rules| rules.requests), 1);
    let checks = cells(growth::RULES.map(|rules| rules.check), 0);
    let (Some(requests), Some(checks)) = (requests, checks) else { return };
    let _ = writeln!(text, "\nHow cost grows (n):\n\n| rules | 100 | 1,000 | 10,000 | aim |\n|---|---|---|---|---|");
    let ratio = results.ratio(("n-10000", "neargate"), ("n-100", "neargate"), |figures| figures.cpu_us);
    let ratio = ratio.map_or("–".to_owned(), show);
    let _ = writeln!(text, "| request, µs (the last rule matches) | {requests} | {ratio}; aim 1.5 × that of 100 |");
    let _ = writeln!(text, "| `neargate check`, ms | {checks} | 500 ms |");
    let plans = [growth::SIZES.map(|size| median(size.everything)), growth::SIZES.map(|size| median(size.change))];
    if let [[Some(few), Some(many)], [Some(of_few), Some(of_many)]] = plans {
        let _ = writeln!(
            text,
            "\nOne plan of everything takes {few:.1} ms with 100 tasks and 1,000 targets (aim 5 ms), and {many:.1} ms with \
             10,000 tasks of 1,000 services (aim 50 ms); one of a change to one service {of_few:.3} ms and {of_many:.3} ms."
        );
    }
    if let Some(renewal) = median(growth::RENEWAL) {
        let _ = writeln!(text, "\nWith 10,000 rules, the routing table follows a change of health in {renewal:.3} ms.");
    }
}

/// What is not in the first table, nginx = 1.
fn others(results: &Results, text: &mut String) {
    let _ = writeln!(text, "\nThe others, nginx = 1 (of each round, medians):\n");
    let _ = writeln!(text, "| | a | b | c | d | e | e-resumed | f | g | i | a-log |");
    let _ = writeln!(text, "|---|---|---|---|---|---|---|---|---|---|---|");
    for (contender, name) in OTHERS[2..].iter().chain(&[(contenders::BARE, "bare (the floor)")]) {
        let cells = ["a", "b", "c", "d", "e", "e-resumed", "f", "g", "i", "a-log"].map(|workload| {
            let ratio = results.ratio((workload, contender), (workload, "nginx"), main_figure(workload).1);
            ratio.map_or("–".to_owned(), |[_, ratio, _]| format!("{ratio:.2}"))
        });
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    text.push('\n');
}

fn in_short(results: &Results) -> String {
    let names: Vec<(&str, &str)> =
        OTHERS.into_iter().filter(|(contender, _)| results.median("a", contender, |f| f.cpu_us).is_some()).collect();
    let head: Vec<&str> = names.iter().map(|(_, name)| *name).collect();
    let mut text = format!("| | neargate | {} |\n", head.join(" | "));
    let _ = writeln!(text, "|---|---|{}", "---|".repeat(names.len()));
    for (workload, what, unit) in IN_SHORT {
        let figure = main_figure(workload).1;
        let digits = match unit {
            "ms" if workload == "g" => 2,
            _ => 0,
        };
        let values = [("neargate", "")].iter().chain(&names).map(|(contender, _)| {
            let value = results.median(workload, contender, figure);
            value.map_or("–".to_owned(), |value| format!("{value:.digits$} {unit}"))
        });
        let _ = writeln!(text, "| {what} | {} |", values.collect::<Vec<_>>().join(" | "));
    }
    text
}

/// On what, with whom.
fn conditions(results: &Results) -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches(['\t', ' ', ':']);
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let versions = [version("nginx", "-v"), version("haproxy", "-v")];
    let versions: Vec<String> = versions.into_iter().flatten().collect();
    format!(
        "Medians of {} rounds (f: {}), {cores} cores of {model}; {}.\n",
        results.most_rounds(),
        results.most_rounds().min(crate::ROUNDS_OF_MEMORY),
        versions.join(", ")
    )
}

/// `nginx 1.22.1`: the first number that it says.
fn version(name: &str, argument: &str) -> Option<String> {
    let path = format!("/usr/sbin/{name}");
    let output = Command::new(if Path::new(&path).is_file() { &path } else { name }).arg(argument).output().ok()?;
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let start = text.find(|byte: char| byte.is_ascii_digit())?;
    let number: String = text[start..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    Some(format!("{name} {number}"))
}

fn show([low, median, high]: [f64; 3]) -> String {
    format!("{median:.2} [{low:.2}–{high:.2}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_replaced_and_nothing_else() {
        let text = "a\n<!-- figures -->\nold\n<!-- /figures -->\nb\n";
        assert_eq!(replaced(text, "figures", "new\n").unwrap(), "a\n<!-- figures -->\nnew\n<!-- /figures -->\nb\n");
        assert_eq!(replaced("no markers", "figures", "new"), None);
    }
}
