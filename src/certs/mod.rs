//! Certificates: the local authority, and what listeners serve.
