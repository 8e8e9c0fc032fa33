//! Signature Version 4: whose key signed a request, and whether it did. (IAM user guide, "Create a signed AWS API request".)
//!
//! The canonical request covers exactly the header fields that `SignedHeaders` names, whichever a client chooses: botocore
//! leaves out what JavaScript and Go sign.

mod canonical;
pub mod credential;
pub mod verify;
