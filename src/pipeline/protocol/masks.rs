//! Secrets are shown as `***`: as they are, line by line, and in the forms in which programs tend to show them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const MASK: &str = "***";
/// A shorter piece of base64 stands for too much else.
const SHORTEST_ENCODED: usize = 8;

/// What must not be shown.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    values: Vec<String>,
}

impl Masks {
    /// Hides this value, each of its lines, and its encodings.
    pub fn add(&mut self, value: &str) {
        for line in std::iter::once(value).chain(value.lines()) {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            self.push(line.to_owned());
            // Within JSON, and without the quotes around it.
            let json = serde_json::Value::from(line).to_string();
            self.push(json[1..json.len() - 1].to_owned());
            self.push(line.trim_matches('"').to_owned());
            // Within `user:secret`, base64 depends on what stands before: three ways, without the ends that neighbours share.
            for shift in 0..3 {
                let bytes = line.as_bytes().get(shift..).unwrap_or_default();
                let encoded = STANDARD.encode(&bytes[..bytes.len() - bytes.len() % 3]);
                if encoded.len() >= SHORTEST_ENCODED {
                    self.push(encoded);
                }
            }
            self.push(STANDARD.encode(line));
        }
    }

    fn push(&mut self, value: String) {
        if !value.trim().is_empty() && !self.values.contains(&value) {
            self.values.push(value);
        }
    }

    /// The text with every secret masked.
    pub fn hide(&self, text: &str) -> String {
        let mut hidden: Vec<(usize, usize)> = Vec::new();
        for value in &self.values {
            let mut from = 0;
            while let Some(at) = text[from..].find(value.as_str()) {
                let start = from + at;
                hidden.push((start, start + value.len()));
                // One secret may begin within another.
                from = start + text[start..].chars().next().map_or(1, char::len_utf8);
            }
        }
        hidden.sort_unstable();
        let mut out = String::new();
        let mut shown = 0;
        for (start, end) in hidden {
            if start > shown || (start == shown && !out.ends_with(MASK)) {
                out.push_str(&text[shown..start]);
                out.push_str(MASK);
            }
            shown = shown.max(end);
        }
        out.push_str(&text[shown..]);
        out
    }
}
