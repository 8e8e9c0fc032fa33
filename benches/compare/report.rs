//! Turns results into a table, JSON files and a picture. [`crate::documents`] puts them into the READMEs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// The result of one workload for one contender in one round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) cpu_us: Option<f64>,
    /// The part of it outside the kernel.
    pub(crate) user_us: Option<f64>,
    pub(crate) rps: Option<f64>,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) memory_kib: Option<f64>,
}

/// A result, under its name in files.
type Named = (&'static str, fn(&Figures) -> Option<f64>);

impl Figures {
    const NAMED: [Named; 6] = [
        ("cpu_us", |figures| figures.cpu_us),
        ("user_us", |figures| figures.user_us),
        ("rps", |figures| figures.rps),
        ("p50_ms", |figures| figures.p50_ms),
        ("p99_ms", |figures| figures.p99_ms),
        ("memory_kib", |figures| figures.memory_kib),
    ];

    pub(crate) fn of_time(time: Duration) -> Self {
        Self { p50_ms: Some(time.as_secs_f64() * 1e3), ..Self::default() }
    }

    fn to_json(&self) -> Value {
        Self::NAMED.iter().map(|(name, figure)| ((*name).to_owned(), json!(figure(self)))).collect()
    }

    fn from_json(json: &Value) -> Self {
        let [cpu_us, user_us, rps, p50_ms, p99_ms, memory_kib] = Self::NAMED.map(|(name, _)| json[name].as_f64());
        Self { cpu_us, user_us, rps, p50_ms, p99_ms, memory_kib }
    }
}

/// A contender's activity when idle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    pub(crate) wake_ups_per_second: f64,
    pub(crate) cpu_percent: f64,
}

/// All results, by workload, contender and round.
#[derive(Debug, Default)]
pub(crate) struct Results {
    rounds: BTreeMap<(String, String), Vec<Figures>>,
    /// In bytes.
    binaries: BTreeMap<String, u64>,
    rest: BTreeMap<String, Rest>,
}

/// The bare calls, in workloads j and o.
pub(crate) const ENGINE: &str = "engine";

/// The contender that the others are compared with.
const REFERENCES: [&str; 2] = ["nginx", "haproxy"];

/// The measured quantity of workloads about something other than CPU time.
pub(crate) fn main_figure(workload: &str) -> (&'static str, Figure) {
    match workload {
        "c" | "d" => ("CPU µs/MiB", |figures| figures.cpu_us),
        "f" => ("KiB/connection", |figures| figures.memory_kib),
        "g" => ("added p50 ms", |figures| figures.p50_ms),
        "i" => ("start ms", |figures| figures.p50_ms),
        "j" => ("up ms", |figures| figures.p50_ms),
        "j-down" => ("down ms", |figures| figures.p50_ms),
        "o-1" | "o-10" => ("roll ms", |figures| figures.p50_ms),
        "k" => ("run ms", |figures| figures.p50_ms),
        _ if workload.starts_with("n-check") => ("check ms", |figures| figures.p50_ms),
        _ if workload.starts_with("n-plan") || workload.starts_with("n-change") => {
            ("plan ms", |figures| figures.p50_ms)
        }
        _ if workload.starts_with("n-renew") => ("renewal ms", |figures| figures.p50_ms),
        _ => ("CPU µs/request", |figures| figures.cpu_us),
    }
}

/// One of the results of a round.
pub(crate) type Figure = fn(&Figures) -> Option<f64>;

impl Results {
    pub(crate) fn add(&mut self, workload: &str, contender: &str, figures: Figures) {
        self.rounds.entry((workload.to_owned(), contender.to_owned())).or_default().push(figures);
    }

    pub(crate) fn note_binary(&mut self, contender: &str, bytes: u64) {
        self.binaries.insert(contender.to_owned(), bytes);
    }

    pub(crate) fn note_rest(&mut self, contender: &str, rest: Rest) {
        self.rest.insert(contender.to_owned(), rest);
    }

    pub(crate) fn binary(&self, contender: &str) -> Option<u64> {
        self.binaries.get(contender).copied()
    }

    pub(crate) fn rest(&self, contender: &str) -> Option<Rest> {
        self.rest.get(contender).copied()
    }

    /// The number of rounds of the workload that has most.
    pub(crate) fn most_rounds(&self) -> usize {
        self.rounds.values().map(Vec::len).max().unwrap_or(0)
    }

    fn of(&self, workload: &str, contender: &str) -> &[Figures] {
        self.rounds.get(&(workload.to_owned(), contender.to_owned())).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn median(
        &self,
        workload: &str,
        contender: &str,
        figure: impl Fn(&Figures) -> Option<f64>,
    ) -> Option<f64> {
        let values: Vec<f64> = self.of(workload, contender).iter().filter_map(figure).collect();
        quartiles(values).map(|[_, median, _]| median)
    }

    /// Quartiles of the ratios, each within one round.
    pub(crate) fn ratio(
        &self,
        one: (&str, &str),
        other: (&str, &str),
        figure: impl Fn(&Figures) -> Option<f64>,
    ) -> Option<[f64; 3]> {
        let pairs = self.of(one.0, one.1).iter().zip(self.of(other.0, other.1));
        quartiles(pairs.filter_map(|(one, other)| Some(figure(one)? / figure(other)?)).collect())
    }

    fn workloads(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.rounds.keys().map(|(workload, _)| workload.as_str()).collect();
        names.dedup();
        names
    }

    fn contenders(&self) -> Vec<&'static str> {
        let is_there = |name: &&str| self.rounds.keys().any(|(_, contender)| contender == *name);
        crate::contenders::NAMES.into_iter().chain([ENGINE]).filter(is_there).collect()
    }

    /// Output for people.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        for workload in self.workloads() {
            let (what, figure) = main_figure(workload);
            let _ = writeln!(
                text,
                "\n{workload:10} {what:>15} {:>9} {:>21} {:>21} {:>9} {:>8} {:>8} {:>9}",
                "user µs", "÷ nginx [quartiles]", "÷ haproxy [quartiles]", "per s", "p50 ms", "p99 ms", "KiB"
            );
            for contender in self.contenders() {
                let Some(value) = self.median(workload, contender, figure) else { continue };
                let user = self.median(workload, contender, |figures| figures.user_us);
                let user = user.map_or("-".to_owned(), |user| format!("{user:.1}"));
                let _ = write!(text, "{contender:10} {value:15.3} {user:>9}");
                for reference in REFERENCES {
                    let ratio = self.ratio((workload, contender), (workload, reference), figure);
                    let _ = write!(text, " {:>21}", ratio.map_or("-".to_owned(), show_ratio));
                }
                let more: [(usize, usize, Figure); 4] = [
                    (9, 0, |figures| figures.rps),
                    (8, 3, |figures| figures.p50_ms),
                    (8, 3, |figures| figures.p99_ms),
                    (9, 0, |figures| figures.memory_kib),
                ];
                for (width, digits, figure) in more {
                    let value = self.median(workload, contender, figure);
                    let _ =
                        write!(text, " {:>width$}", value.map_or("-".to_owned(), |value| format!("{value:.digits$}")));
                }
                text.push('\n');
            }
        }
        for contender in self.contenders() {
            if let Some(ratio) = self.ratio(("h", contender), ("a", contender), |figures| figures.cpu_us) {
                let _ = writeln!(text, "\n{contender}: h ÷ a {}", show_ratio(ratio));
            }
        }
        for workload in ["j", "j-down", "o-1", "o-10"] {
            if let Some(ratio) = self.beside_engine(workload) {
                let _ = writeln!(text, "\n{workload}: neargate ÷ bare engine calls {}", show_ratio(ratio));
            }
        }
        for (contender, bytes) in &self.binaries {
            let _ = writeln!(text, "\n{contender}: binary {:.1} MB", *bytes as f64 / 1e6);
        }
        for (contender, rest) in &self.rest {
            let Rest { wake_ups_per_second, cpu_percent } = rest;
            let _ = writeln!(
                text,
                "{contender} at rest: {wake_ups_per_second:.1} wake-ups per second, {cpu_percent:.2} % of a core"
            );
        }
        text
    }

    /// Results of workloads j and o.
    pub(crate) fn beside_engine(&self, workload: &str) -> Option<[f64; 3]> {
        self.ratio((workload, "neargate"), (workload, ENGINE), |figures| figures.p50_ms)
    }

    /// Output for programs.
    pub(crate) fn json(&self) -> Value {
        let entries = self.rounds.iter().map(|((workload, contender), rounds)| {
            let mut entry = json!({ "workload": workload, "contender": contender });
            for (name, figure) in Figures::NAMED {
                entry[name] = json!(self.median(workload, contender, figure));
            }
            entry["rounds"] = json!(rounds.len());
            entry
        });
        entries.collect()
    }

    /// All results, for [`Results::read`].
    fn everything(&self) -> Value {
        let rounds = self.rounds.iter().map(|((workload, contender), rounds)| {
            let rounds: Vec<Value> = rounds.iter().map(Figures::to_json).collect();
            json!({ "workload": workload, "contender": contender, "rounds": rounds })
        });
        let rest =
            self.rest.iter().map(|(name, rest)| (name.clone(), json!([rest.wake_ups_per_second, rest.cpu_percent])));
        let (rounds, rest): (Value, Value) = (rounds.collect(), rest.collect());
        json!({ "measured": rounds, "binaries": self.binaries, "rest": rest })
    }

    /// Reads the results of an earlier run.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|_| "nothing was measured yet (make bench)")?;
        let json: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let mut results = Self::default();
        for entry in json["measured"].as_array().into_iter().flatten() {
            let name = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let rounds = entry["rounds"].as_array().into_iter().flatten().map(Figures::from_json);
            results.rounds.insert((name("workload"), name("contender")), rounds.collect());
        }
        for (contender, bytes) in json["binaries"].as_object().into_iter().flatten() {
            results.note_binary(contender, bytes.as_u64().unwrap_or_default());
        }
        for (contender, rest) in json["rest"].as_object().into_iter().flatten() {
            let [wake_ups_per_second, cpu_percent] = [0, 1].map(|index| rest[index].as_f64().unwrap_or_default());
            results.note_rest(contender, Rest { wake_ups_per_second, cpu_percent });
        }
        Ok(results)
    }

    /// For the README: CPU time, nginx = 1.
    pub(crate) fn picture(&self) -> String {
        let shown: Vec<(&str, &str)> = [
            ("a", "small GET, HTTP/1.1"),
            ("a-log", "the same, with the access log"),
            ("b", "small GET, HTTP/2"),
            ("c", "1 MiB down"),
            ("d", "1 MiB up"),
            ("e", "new TLS connection"),
            ("e-resumed", "resumed TLS connection"),
        ]
        .into_iter()
        .filter(|(workload, _)| self.ratio((workload, "neargate"), (workload, "nginx"), |f| f.cpu_us).is_some())
        .collect();
        draw(&shown, |workload, contender| {
            self.ratio((workload, contender), (workload, "nginx"), |figures| figures.cpu_us)
        })
    }

    /// Writes all files.
    pub(crate) fn write(&self, everything: &Path, json: &Path, picture: &Path) -> std::io::Result<()> {
        std::fs::write(everything, format!("{:#}\n", self.everything()))?;
        std::fs::write(json, format!("{:#}\n", self.json()))?;
        self.draw(picture)
    }

    /// The picture, if there are contenders to compare.
    pub(crate) fn draw(&self, picture: &Path) -> std::io::Result<()> {
        if self.ratio(("a", "neargate"), ("a", "nginx"), |figures| figures.cpu_us).is_some() {
            std::fs::write(picture, self.picture())?;
        }
        Ok(())
    }
}

pub(crate) fn show_ratio([low, median, high]: [f64; 3]) -> String {
    format!("{median:.3} [{low:.2}–{high:.2}]")
}

fn quartiles(mut values: Vec<f64>) -> Option<[f64; 3]> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some([0.25, 0.5, 0.75].map(|part| {
        let place = part * last as f64;
        let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
        below + (above - below) * place.fract()
    }))
}

/// Horizontal bars, one group per workload.
fn draw(workloads: &[(&str, &str)], ratio: impl Fn(&str, &str) -> Option<[f64; 3]>) -> String {
    const BARS: [(&str, &str); 3] = [("neargate", "#d97706"), ("nginx", "#64748b"), ("haproxy", "#94a3b8")];
    const LEFT: f64 = 220.0;
    const UNIT: f64 = 330.0;
    const WIDEST: f64 = 1.45;
    let height = 70 + workloads.len() * 66;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 {height}\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <rect width=\"760\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"20\" y=\"28\" font-size=\"15\" font-weight=\"600\">CPU time per request (per MiB for bodies), nginx = 1; less is better</text>\n"
    );
    for (index, (workload, title)) in workloads.iter().enumerate() {
        let top = 52 + index * 66;
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{title}</text>", LEFT - 14.0, top + 30);
        for (row, (contender, colour)) in BARS.iter().enumerate() {
            let Some([low, value, high]) = ratio(workload, contender) else { continue };
            let (y, width) = (top + row * 18, UNIT * value.min(WIDEST));
            let _ = writeln!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"14\" rx=\"2\" fill=\"{colour}\"/>\n\
                 <text x=\"{:.1}\" y=\"{}\">{value:.2} {contender}</text>",
                LEFT + width + 6.0,
                y + 12,
            );
            if low < high {
                let (from, to) = (LEFT + UNIT * low.min(WIDEST), LEFT + UNIT * high.min(WIDEST));
                let _ = writeln!(
                    svg,
                    "<line x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{0}\" y2=\"{0}\" stroke=\"#1e293b\" stroke-width=\"1.5\"/>",
                    y + 7
                );
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}
