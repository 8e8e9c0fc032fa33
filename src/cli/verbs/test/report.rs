//! Results as text, JSON, JUnit's XML and annotations.

use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;
use serde::Serialize;

use super::results::{Result, Results};
use crate::cli::output::printer::{BAD, DIM, GOOD, NOTE, STRONG};
use crate::config::text::source::show_path;

pub(super) fn table(results: &[Results]) -> String {
    let mut text = String::new();
    for file in results {
        for result in &file.all {
            if result.differences.is_empty() {
                text.push_str(&format!("{GOOD}✔{GOOD:#} {}\n", result.name));
                continue;
            }
            text.push_str(&format!("{BAD}✘ {}{BAD:#}  {DIM}{}{DIM:#}\n", result.name, place(result)));
            for difference in &result.differences {
                text.push_str(&format!("    {difference}\n"));
            }
            if let Some(why) = &result.why {
                text.push_str(&format!("    {NOTE}{why}{NOTE:#}\n"));
            }
            for line in result.explained.iter().flat_map(|explained| explained.lines()) {
                text.push_str(&format!("    {line}\n"));
            }
        }
        for rule in &file.not_covered {
            text.push_str(&format!("{NOTE}!{NOTE:#} no test is decided by {rule}\n"));
        }
        let (failed, all) = (file.failures(), file.all.len());
        let (style, word) = if failed == 0 { (GOOD, "passed") } else { (BAD, "failed") };
        let count = if failed == 0 { all } else { failed };
        text.push_str(&format!(
            "{STRONG}{}{STRONG:#}: {style}{count} of {all} {word}{style:#}\n",
            show_path(&file.path)
        ));
    }
    text
}

/// The documented shape of `--format json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileView<'a> {
    file: String,
    tests: Vec<TestView<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    not_covered: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestView<'a> {
    name: &'a str,
    passed: bool,
    line: usize,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    differences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
}

pub(super) fn json(results: &[Results]) -> String {
    let views: Vec<FileView<'_>> = results
        .iter()
        .map(|file| FileView {
            file: show_path(&file.path),
            tests: file
                .all
                .iter()
                .map(|result| TestView {
                    name: &result.name,
                    passed: result.differences.is_empty(),
                    line: result.location.line,
                    differences: &result.differences,
                    why: result.why.as_deref(),
                })
                .collect(),
            not_covered: &file.not_covered,
        })
        .collect();
    // A value of strings, numbers and lists can always be written.
    serde_json::to_string_pretty(&views).unwrap_or_default()
}

/// No times: two runs of the same tests give the same file.
pub(super) fn junit(results: &[Results]) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Memory takes whatever is written.
    let _ = write_suites(&mut writer, results);
    let text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}\n")
}

fn write_suites(writer: &mut Writer<Vec<u8>>, results: &[Results]) -> io::Result<()> {
    let count = |count: fn(&Results) -> usize| results.iter().map(count).sum::<usize>().to_string();
    let suites = writer.create_element("testsuites").with_attributes([
        ("name", "neargate test"),
        ("tests", &count(|file| file.all.len())),
        ("failures", &count(Results::failures)),
    ]);
    suites.write_inner_content(|writer| results.iter().try_for_each(|file| write_suite(writer, file))).map(drop)
}

fn write_suite(writer: &mut Writer<Vec<u8>>, file: &Results) -> io::Result<()> {
    let path = show_path(&file.path);
    let suite = writer.create_element("testsuite").with_attributes([
        ("name", path.as_str()),
        ("tests", &file.all.len().to_string()),
        ("failures", &file.failures().to_string()),
        ("errors", "0"),
    ]);
    suite
        .write_inner_content(|writer| file.all.iter().try_for_each(|result| write_case(writer, &path, result)))
        .map(drop)
}

fn write_case(writer: &mut Writer<Vec<u8>>, path: &str, result: &Result) -> io::Result<()> {
    let case = writer.create_element("testcase").with_attributes([
        ("classname", result.class.as_str()),
        ("name", &result.name),
        ("file", path),
        ("line", &result.location.line.to_string()),
    ]);
    if result.differences.is_empty() {
        return case.write_empty().map(drop);
    }
    let whole = anstream::adapter::strip_str(&whole(result)).to_string();
    case.write_inner_content(|writer| {
        let failure = writer.create_element("failure");
        let failure = failure.with_attribute(("message", result.differences.join("; ").as_str()));
        failure.write_text_content(BytesText::new(&whole)).map(drop)
    })
    .map(drop)
}

/// Workflow commands of GitHub Actions ("Workflow commands for GitHub Actions", setting an error message).
pub(super) fn github(results: &[Results]) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let failed = results.iter().flat_map(|file| {
        file.all.iter().filter(|result| !result.differences.is_empty()).map(move |result| (file, result))
    });
    failed
        .map(|(file, result)| {
            format!(
                "::error file={},line={},col={},title={}::{}\n",
                property(&show_path(&file.path)),
                result.location.line,
                result.location.column,
                property(&result.name),
                data(&anstream::adapter::strip_str(&whole(result)).to_string())
            )
        })
        .collect()
}

/// Differences, the reason of the test, and the explanation.
fn whole(result: &Result) -> String {
    let lines = result.differences.iter().chain(&result.why).chain(&result.explained).cloned();
    lines.collect::<Vec<_>>().join("\n")
}

fn place(result: &Result) -> String {
    format!("{}:{}:{}", show_path(&result.location.path), result.location.line, result.location.column)
}
