//! The nearest valid name, and lists of names for people to read.

/// The candidate that was probably meant, if one is close enough.
pub(crate) fn nearest<'c>(typed: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let lower = typed.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let candidate_lower = candidate.to_lowercase();
            let mut score = strsim::jaro_winkler(&lower, &candidate_lower);
            // `hostPort` for `host_port`, `healthcheck` for `health_check`: only the separators differ.
            if squeeze(&lower) == squeeze(&candidate_lower) {
                score = 2.0;
            }
            (candidate, score)
        })
        .filter(|(_, score)| *score > 0.8)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(candidate, _)| candidate)
}

fn squeeze(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// `a`, `b` or `c`
pub(crate) fn one_of<'c>(names: impl IntoIterator<Item = &'c str>) -> String {
    join(names, "or")
}

/// `a`, `b` and `c`
pub(crate) fn all_of<'c>(names: impl IntoIterator<Item = &'c str>) -> String {
    join(names, "and")
}

fn join<'c>(names: impl IntoIterator<Item = &'c str>, last: &str) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

/// The help line for an unknown name: the nearest name, or the list of all.
pub(crate) fn help_for<'c>(typed: &str, what: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(nearest) = nearest(typed, candidates.iter().copied()) {
        return Some(format!("did you mean `{nearest}`?"));
    }
    match candidates.len() {
        0 => None,
        1..=12 => Some(format!("{what}: {}", all_of(candidates))),
        more => Some(format!(
            "{what}: {}, … ({more} in all)",
            candidates[..12].iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_forgives_case_and_separators() {
        let known = ["health_check", "hostPort", "port"];
        assert_eq!(nearest("healthCheck", known), Some("health_check"));
        assert_eq!(nearest("helth_check", known), Some("health_check"));
        assert_eq!(nearest("zebra", known), None);
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(one_of(["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(all_of(["a"]), "`a`");
    }
}
