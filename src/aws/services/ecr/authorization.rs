//! GetAuthorizationToken: what `docker login` takes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::aws::action::{Decision, Input, State};
use crate::protocols::fault::{Common, Fault};
use crate::protocols::timestamp::EpochSeconds;

/// The endpoint is an address that the engine of this machine takes without TLS.
pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let token = state.registry.tokens.issue(input.caller, state.now);
    let token = token.ok_or_else(|| Fault::common(Common::Internal, input.service))?;
    Ok(Decision::reply(json!({ "authorizationData": [ {
        "authorizationToken": STANDARD.encode(format!("AWS:{}", token.password)),
        "expiresAt": EpochSeconds(token.expires),
        "proxyEndpoint": format!("http://{}", state.registry.address),
    } ] })))
}
