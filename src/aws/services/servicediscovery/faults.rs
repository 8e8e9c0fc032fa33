//! What Cloud Map says no with.

use crate::aws::pages::NoPage;
use crate::protocols::fault::Fault;

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidInput", message)
}

pub(super) fn no_namespace(id: &str) -> Fault {
    Fault::new("NamespaceNotFound", format!("Can't find namespace {id}"))
}

pub(super) fn no_service(id: &str) -> Fault {
    Fault::new("ServiceNotFound", format!("Can't find service {id}"))
}

pub(super) fn no_instance(id: &str) -> Fault {
    Fault::new("InstanceNotFound", format!("Can't find instance {id}"))
}

pub(super) fn no_page(reason: NoPage) -> Fault {
    invalid(match reason {
        NoPage::Size => "MaxResults must be between 1 and 100",
        NoPage::Token => "Invalid NextToken",
    })
}
