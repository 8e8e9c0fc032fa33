//! The timeline as a picture: one SVG file without references to others, for light and dark backgrounds.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use crate::findings::{Finding, Verdict};
use crate::life::{Phase, TaskLife};
use crate::recording::Recording;
use crate::words;

const WIDTH: f64 = 1000.0;
/// Where time begins, and where it ends.
const LEFT: f64 = 215.0;
const RIGHT: f64 = 980.0;
/// The top of the bars that count requests, and their height.
const BARS: f64 = 62.0;
const BARS_HEIGHT: f64 = 70.0;
/// The height of a task, and of the bar in it.
const LANE: f64 = 30.0;
const BAR: f64 = 16.0;
/// The height of a line of text.
const LINE: f64 = 18.0;
/// How many bars there are.
const SLICES: usize = 120;
/// More characters do not fit on a line.
const LONGEST_LINE: usize = 150;

const STYLE: &str = "\
text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-size:15px;font-weight:600}.dim{fill:#656d76}.bad{fill:#cf222e}\
.sent{fill:#8c959f}.lost{fill:#cf222e}.starting{fill:#d0d7de}.registered{fill:#d4a72c}.healthy{fill:#2da44e}\
.unhealthy{fill:#bf8700}.draining{fill:#54aeff}.stopping{fill:#fb8f44}.stopped{fill:#afb8c1}.mark{stroke:#656d76;\
stroke-dasharray:3 3}.axis{stroke:#d0d7de}.ground{fill:#fff}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.dim{fill:#8b949e}.ground{fill:#0d1117}.axis{stroke:#30363d}\
.starting{fill:#30363d}.stopped{fill:#484f58}.bad{fill:#ff7b72}}";

const PHASES: [Phase; 7] = [
    Phase::Starting,
    Phase::Registered,
    Phase::Healthy,
    Phase::Unhealthy,
    Phase::Draining,
    Phase::Stopping,
    Phase::Stopped,
];

/// The picture of a rehearsal, under this title.
pub fn draw(recording: &Recording, verdict: &Verdict, title: &str) -> String {
    let lanes = lanes(recording);
    let lanes_top = BARS + BARS_HEIGHT + 16.0;
    let axis = lanes_top + LANE * lanes.len() as f64 + 6.0;
    let findings = told(recording, verdict);
    let height = axis + 62.0 + LINE * findings.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n\
         <style>{STYLE}</style>\n<rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\"/>\n",
        escape(title)
    );
    text(&mut svg, "title", 20.0, 28.0, title);
    let summary = match verdict.lost.len() {
        0 => format!("{} requests, none failed", verdict.sent),
        lost => format!("{} requests, {lost} failed", verdict.sent),
    };
    text(&mut svg, if verdict.lost.is_empty() { "dim" } else { "bad" }, 20.0, 48.0, &summary);
    draw_bars(&mut svg, recording, verdict);
    for (index, (task, target)) in lanes.iter().enumerate() {
        draw_lane(&mut svg, recording, verdict, task, *target, lanes_top + LANE * index as f64);
    }
    draw_axis(&mut svg, recording, axis);
    draw_legend(&mut svg, axis + 36.0);
    for (index, (class, line)) in findings.iter().enumerate() {
        text(&mut svg, class, 20.0, axis + 62.0 + LINE * index as f64, line);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Tasks and their targets, in the order of creation.
fn lanes(recording: &Recording) -> Vec<(&TaskLife, Option<SocketAddr>)> {
    let of_task = |task| {
        let task: &TaskLife = task;
        let targets: Vec<_> = task.targets.keys().map(|target| (task, Some(*target))).collect();
        if targets.is_empty() { vec![(task, None)] } else { targets }
    };
    recording.tasks.iter().flat_map(of_task).collect()
}

fn draw_bars(svg: &mut String, recording: &Recording, verdict: &Verdict) {
    let slice = |time: Duration| {
        let share = time.as_secs_f64() / recording.length.as_secs_f64().max(0.001);
        ((share * SLICES as f64) as usize).min(SLICES - 1)
    };
    let (mut sent, mut lost) = ([0_usize; SLICES], [0_usize; SLICES]);
    recording.samples.iter().for_each(|sample| sent[slice(sample.settled)] += 1);
    verdict.lost.iter().for_each(|one| lost[slice(one.sample.settled)] += 1);
    let most = sent.iter().max().copied().unwrap_or_default().max(1) as f64;
    let width = (RIGHT - LEFT) / SLICES as f64;
    text(svg, "", 20.0, BARS + 14.0, "requests");
    text(svg, "dim", 20.0, BARS + 30.0, "failed ones are red");
    for index in 0..SLICES {
        let (x, bottom) = (LEFT + width * index as f64, BARS + BARS_HEIGHT);
        let tall = |count: usize| BARS_HEIGHT * count as f64 / most;
        // A single failure among hundreds must be seen.
        let red = if lost[index] == 0 { 0.0 } else { tall(lost[index]).max(4.0) };
        rect(svg, "sent", x, bottom - tall(sent[index]), width - 1.0, tall(sent[index]));
        rect(svg, "lost", x, bottom - red, width - 1.0, red);
    }
}

fn draw_lane(
    svg: &mut String,
    recording: &Recording,
    verdict: &Verdict,
    task: &TaskLife,
    target: Option<SocketAddr>,
    top: f64,
) {
    let which = if task.is_new { "new" } else { "old" };
    text(svg, "", 20.0, top + 13.0, &format!("{} {which}", task.short()));
    let of = target.and_then(|target| task.targets.get(&target));
    let container = of.map(|life| format!(" {}", life.container)).unwrap_or_default();
    text(svg, "dim", 115.0, top + 13.0, &shortened(&format!("{}{container}", task.revision), 15));
    let phases = match target {
        Some(target) => task.phases(target),
        None => vec![(task.created, Phase::Starting)],
    };
    for (index, (from, phase)) in phases.iter().enumerate() {
        let until = phases.get(index + 1).map_or(recording.length, |(from, _)| *from);
        // What is over is drawn as a thin line.
        let (y, height) = if *phase == Phase::Stopped { (top + BAR / 2.0 - 1.0, 2.0) } else { (top, BAR) };
        let (x, end) = (x_of(recording, *from), x_of(recording, until));
        let _ = writeln!(
            svg,
            "<rect class=\"{}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height}\"><title>{} from {:.2} s</title></rect>",
            phase.as_str(),
            (end - x).max(0.5),
            phase.as_str(),
            from.as_secs_f64()
        );
    }
    let own = verdict.lost.iter().filter(|lost| lost.target == target && lost.task.as_ref() == Some(&task.id));
    for lost in own {
        let x = x_of(recording, lost.sample.settled);
        let _ = writeln!(
            svg,
            "<rect class=\"lost\" x=\"{:.1}\" y=\"{:.1}\" width=\"1.5\" height=\"{:.1}\"><title>{}</title></rect>",
            x - 0.75,
            top - 3.0,
            BAR + 6.0,
            escape(&words::line(lost))
        );
    }
}

fn draw_axis(svg: &mut String, recording: &Recording, y: f64) {
    let _ = writeln!(svg, "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{y}\" x2=\"{RIGHT}\" y2=\"{y}\"/>");
    let length = recording.length.as_secs_f64();
    let step = [0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0].into_iter().find(|step| length / step <= 12.0);
    let step = step.unwrap_or(600.0);
    let mut at = 0.0;
    while at <= length {
        let x = x_of(recording, Duration::from_secs_f64(at));
        text(svg, "dim", x - 6.0, y + 15.0, &format!("{at} s"));
        at += step;
    }
    let mark = |svg: &mut String, at: Duration, what: &str| {
        let x = x_of(recording, at);
        let _ =
            writeln!(svg, "<line class=\"mark\" x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{y:.1}\"/>", BARS - 4.0);
        text(svg, "dim", x + 3.0, BARS - 6.0, what);
    };
    mark(svg, recording.deployed, "deployment begins");
    if let Some(ended) = recording.ended {
        mark(svg, ended, "ends");
    }
}

fn draw_legend(svg: &mut String, y: f64) {
    for (index, phase) in PHASES.iter().enumerate() {
        let x = LEFT + 100.0 * index as f64;
        rect(svg, phase.as_str(), x, y - 9.0, 10.0, 10.0);
        text(svg, "dim", x + 15.0, y, phase.as_str());
    }
}

/// Findings and remarks as lines of text, each with its class.
fn told(recording: &Recording, verdict: &Verdict) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for finding in &verdict.findings {
        let symptom = format!("{}{}", subject(finding), words::symptom(finding, verdict));
        lines.extend(folded(&symptom).into_iter().map(|line| ("bad", line)));
        lines.extend(folded(&words::advice(finding, recording)).into_iter().map(|line| ("dim", line)));
    }
    for remark in &verdict.remarks {
        lines.extend(folded(&words::remark(remark)).into_iter().map(|line| ("dim", line)));
    }
    lines
}

fn subject(finding: &Finding) -> String {
    let task = finding.task.as_ref().map(|task| task.get(..8).unwrap_or(task));
    task.map(|task| format!("task {task}: ")).unwrap_or_default()
}

/// Lines that fit.
fn folded(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is always a last line");
        if !last.is_empty() && last.chars().count() + word.chars().count() >= LONGEST_LINE {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn x_of(recording: &Recording, time: Duration) -> f64 {
    let share = time.as_secs_f64() / recording.length.as_secs_f64().max(0.001);
    LEFT + (RIGHT - LEFT) * share.min(1.0)
}

fn rect(svg: &mut String, class: &str, x: f64, y: f64, width: f64, height: f64) {
    if height > 0.0 {
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        );
    }
}

fn text(svg: &mut String, class: &str, x: f64, y: f64, text: &str) {
    let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escape(text));
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
