//! AWS Certificate Manager (its API reference). Certificates are issued by the local authority, at once.

mod certificate;
mod request;
mod tagging;
mod view;

use crate::aws::action::Action;

pub(super) const ACTIONS: &[Action] = &[
    Action { name: "AddTagsToCertificate", decide: tagging::add },
    Action { name: "DeleteCertificate", decide: request::delete },
    Action { name: "DescribeCertificate", decide: view::describe },
    Action { name: "ListCertificates", decide: view::list },
    Action { name: "ListTagsForCertificate", decide: tagging::list },
    Action { name: "RemoveTagsFromCertificate", decide: tagging::remove },
    Action { name: "RequestCertificate", decide: request::request },
];
