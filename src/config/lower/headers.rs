//! Listener attributes that change headers (ALB user guide, "HTTP header modification").

use super::lowering::Lowering;
use crate::file::load_balancer::ListenerFile;
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use neargate_alb::listeners::{self, HEADER_MARKS, LONGEST_HEADER_VALUE};
use neargate_alb::violation::Violation;
use neargate_model::listener::{HeaderModification, RESPONSE_HEADERS};

const PAGE: &str = "ALB user guide, HTTP header modification, Limitations";

/// The header changes of a listener.
pub(super) fn lower(file: &ListenerFile, lowering: &mut Lowering<'_>) -> HeaderModification {
    let defaults = HeaderModification::default();
    // In the order of RESPONSE_HEADERS.
    let values: [&Option<Spanned<String>>; RESPONSE_HEADERS.len()] = [
        &file.routing_http_response_strict_transport_security_header_value,
        &file.routing_http_response_access_control_allow_origin_header_value,
        &file.routing_http_response_access_control_allow_methods_header_value,
        &file.routing_http_response_access_control_allow_headers_header_value,
        &file.routing_http_response_access_control_allow_credentials_header_value,
        &file.routing_http_response_access_control_expose_headers_header_value,
        &file.routing_http_response_access_control_max_age_header_value,
        &file.routing_http_response_content_security_policy_header_value,
        &file.routing_http_response_x_content_type_options_header_value,
        &file.routing_http_response_x_frame_options_header_value,
    ];
    let response = RESPONSE_HEADERS
        .into_iter()
        .zip(values)
        .filter_map(|(name, value)| Some((name, value.as_ref()?)))
        // "Setting an empty value will cause the load balancer to revert to the default behavior."
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, field)| (name.to_owned(), value(field, lowering)))
        .collect();
    let mut renamed = |field: &Option<Spanned<String>>, default: String| match field {
        Some(field) if !field.is_empty() => name(field, lowering),
        _ => default,
    };
    HeaderModification {
        server: file.routing_http_response_server_enabled.unwrap_or(defaults.server),
        response,
        tls_version_name: renamed(&file.routing_http_request_x_amzn_tls_version_header_name, defaults.tls_version_name),
        tls_cipher_suite_name: renamed(
            &file.routing_http_request_x_amzn_tls_cipher_suite_header_name,
            defaults.tls_cipher_suite_name,
        ),
    }
}

fn value(field: &Spanned<String>, lowering: &mut Lowering<'_>) -> String {
    for violation in listeners::header_value(field) {
        let told = match violation {
            Violation::HeaderValueTooLong { bytes } => {
                Diagnostic::error("a header value of more than 1 KiB", field.span, format!("{bytes} bytes"))
                    .note(format!("at most {LONGEST_HEADER_VALUE} bytes ({PAGE})"))
            }
            Violation::InvalidHeaderCharacter(odd) => {
                Diagnostic::error(format!("{odd:?} in a header value"), field.span, "")
                    .note(format!("letters, digits and {HEADER_MARKS} ({PAGE})"))
            }
            _ => continue,
        };
        lowering.report(told);
    }
    field.value.clone()
}

fn name(field: &Spanned<String>, lowering: &mut Lowering<'_>) -> String {
    if listeners::header_name(field).is_err() {
        lowering.report(
            Diagnostic::error(format!("`{}` is not a name for a header", field.value), field.span, "")
                .note("letters, digits, hyphens and underscores"),
        );
    }
    field.value.clone()
}
