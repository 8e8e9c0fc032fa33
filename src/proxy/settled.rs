//! The outcome of a request's exchange.

/// How a request ended, for its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The client has a complete response.
    Answered,
    /// The response is incomplete, or the client has gone: the connection is of no use.
    Aborted,
    /// Another protocol took the connection over, and has ended.
    Upgraded,
}
