//! The lines about who may do what.

use super::level::Entry::{Aws, Holds, Own};
use super::level::Level::{Honoured, Ignored};
use super::line::Line;

pub(super) const TABLE: &[Line] = &[
    ("aws", &["endpoint", "signatures"], &[], Own),
    ("aws", &["users", "roles", "policies", "openid_connect_providers"], &[], Holds),
    ("user", &["access_keys"], &[], Own),
    ("user", &["inline_policies", "managed_policy_arns", "permissions_boundary", "path", "tags"], &[], Aws(Honoured)),
    (
        "role",
        &[
            "assume_role_policy",
            "inline_policies",
            "managed_policy_arns",
            "permissions_boundary",
            "max_session_duration",
            "path",
            "description",
            "tags",
        ],
        &[],
        Aws(Honoured),
    ),
    ("policy", &["policy", "path", "description", "tags"], &[], Aws(Honoured)),
    ("OpenID Connect provider", &["thumbprint_list"], &[], Aws(Ignored("no certificate of a provider is fetched"))),
    ("OpenID Connect provider", &["client_id_list", "tags"], &[], Aws(Honoured)),
];
