//! The name that the site is reached by.

use super::draft::{Draft, Reasoned};
use crate::pipeline::found::Edit;
use crate::pipeline::text;

/// What stands for a name that nobody knows. A name below `localhost` would need no entry in the hosts file, but browsers
/// treat it as secure even without TLS, and hide what breaks without it.
const UNKNOWN: &str = "app.example.com";

/// The host of the first URL or name that a variable about the site carries.
pub(super) fn domain(drafts: &[Draft<'_>]) -> Reasoned<String> {
    for draft in drafts {
        for (_, container) in draft.containers() {
            let added = draft.chosen.edits.iter().filter_map(|edit| match edit {
                Edit::Environment(name, added) if *name == container.name => Some(added),
                _ => None,
            });
            for (name, value) in added.flatten().chain(&container.environment) {
                if speaks_of_the_site(name)
                    && let Some(host) = value.split([',', ' ', ';']).find_map(|part| host(&text::known_part(part)))
                {
                    return Reasoned { value: host, why: format!("{name} of `{}` says so", container.name) };
                }
            }
        }
    }
    Reasoned {
        value: UNKNOWN.to_owned(),
        why:
            "nothing says what yours is; app.localhost would need no entry in the hosts file, but browsers treat it as \
              secure even without TLS"
                .to_owned(),
    }
}

/// Whether a variable holds the site's own name: not that of a bucket, an identity provider or a mail server.
fn speaks_of_the_site(name: &str) -> bool {
    let name = name.to_uppercase();
    let words: Vec<&str> = name.split('_').collect();
    let others = [
        "AUTH0",
        "AWS",
        "BUCKET",
        "CDN",
        "CLOUDFLARE",
        "CLOUDFRONT",
        "CLOUDINARY",
        "COGNITO",
        "DATABASE",
        "DB",
        "EMAIL",
        "IMAGE",
        "KEYCLOAK",
        "MAIL",
        "MAILGUN",
        "OKTA",
        "R2",
        "REDIS",
        "S3",
        "SES",
        "SMTP",
        "STORAGE",
    ];
    if words.iter().any(|word| others.contains(word)) {
        return false;
    }
    let ends = |end: &str| name == end || name.ends_with(&format!("_{end}"));
    words.iter().any(|word| matches!(*word, "ORIGIN" | "ORIGINS" | "DOMAIN" | "DOMAINS"))
        || name == "PUBLIC_URL"
        || name == "HOSTNAME"
        || ["APP_URL", "SITE_URL", "FRONTEND_URL", "CLIENT_URL", "WEB_URL", "ALLOWED_HOSTS", "NEXTAUTH_URL"]
            .iter()
            .any(|end| ends(end))
}

/// The host of a URL or a bare name, if it can be the site's.
fn host(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['[', ']', '"', '\'']);
    let host = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = host
        .split(['/', ':', '?'])
        .next()
        .unwrap_or_default()
        .trim_start_matches('.')
        .trim_end_matches('.')
        .to_lowercase();
    let labels: Vec<&str> = host.split('.').collect();
    let elsewhere = [
        "amazonaws.com",
        "cloudfront.net",
        "auth0.com",
        "herokuapp.com",
        "localhost",
        "local",
        "internal",
        "r2.dev",
        "example.org",
    ];
    let valid = labels.len() > 1
        && host.len() <= 253
        && labels.iter().all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
    let top = labels.last().copied().unwrap_or_default();
    let named = top.len() >= 2 && top.bytes().any(|byte| byte.is_ascii_alphabetic());
    let own = !elsewhere.iter().any(|end| host == *end || host.ends_with(&format!(".{end}")));
    (valid && named && own).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_about_the_site_name_it() {
        for name in ["ALLOWED_ORIGINS", "PUBLIC_URL", "NEXT_PUBLIC_APP_URL", "DOMAIN", "DJANGO_ALLOWED_HOSTS"] {
            assert!(speaks_of_the_site(name), "{name}");
        }
        for name in ["CLOUDFLARE_PUBLIC_URL", "ASSETS_PUBLIC_URL", "COGNITO_DOMAIN", "MAILGUN_DOMAIN", "DATABASE_URL"] {
            assert!(!speaks_of_the_site(name), "{name}");
        }
    }

    #[test]
    fn only_names_can_be_the_sites() {
        assert_eq!(host("https://App.Domain.com:8443/x"), Some("app.domain.com".to_owned()));
        for other in
            ["*", "http://localhost:3000", "https://10.0.0.1", "x.execute-api.us-east-1.amazonaws.com", "a_b.c", ""]
        {
            assert_eq!(host(other), None, "{other}");
        }
    }
}
