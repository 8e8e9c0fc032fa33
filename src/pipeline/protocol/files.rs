//! The files that a step writes: GITHUB_ENV, GITHUB_OUTPUT and GITHUB_STATE hold `name=value` lines and heredocs,
//! GITHUB_PATH a folder on each line.

/// The pairs of a file, in its order; or what is wrong with it, in GitHub's words.
pub fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    while let Some((line, after)) = next_line(rest) {
        rest = after;
        if line.is_empty() {
            continue;
        }
        let equals = line.find('=');
        let heredoc = line.find("<<").filter(|at| equals.is_none_or(|equals| *at < equals));
        let at = heredoc.or(equals).ok_or_else(|| format!("Invalid format '{line}'"))?;
        let name = &line[..at];
        if name.is_empty() {
            return Err(format!("Invalid format '{line}'. Name must not be empty"));
        }
        let value = if heredoc.is_none() {
            line[at + 1..].to_owned()
        } else {
            let delimiter = &line[at + 2..];
            if delimiter.is_empty() {
                return Err(format!("Invalid format '{line}'. Delimiter must not be empty"));
            }
            let mut value: Option<String> = None;
            loop {
                let Some((line, after)) = next_line(rest) else {
                    return Err(format!("Invalid value. Matching delimiter not found '{delimiter}'"));
                };
                rest = after;
                if line == delimiter {
                    break;
                }
                value = Some(value.map_or_else(|| line.to_owned(), |value| format!("{value}\n{line}")));
            }
            value.unwrap_or_default()
        };
        pairs.push((name.to_owned(), value));
    }
    Ok(pairs)
}

/// The variables of a GITHUB_ENV. "You can't overwrite the value of the default environment variables named GITHUB_* and
/// RUNNER_*", nor, "due to security restrictions", of NODE_OPTIONS.
pub fn variables(text: &str) -> Result<Vec<(String, String)>, String> {
    let pairs = pairs(text)?;
    if pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case("NODE_OPTIONS")) {
        return Err("Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.".to_owned());
    }
    let is_default = |name: &str| name.starts_with("GITHUB_") || name.starts_with("RUNNER_");
    Ok(pairs.into_iter().filter(|(name, _)| !is_default(name)).collect())
}

/// The folders of a GITHUB_PATH.
pub fn folders(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn next_line(text: &str) -> Option<(&str, &str)> {
    if text.is_empty() {
        return None;
    }
    let (line, after) = text.split_once('\n').unwrap_or((text, ""));
    Some((line.strip_suffix('\r').unwrap_or(line), after))
}
