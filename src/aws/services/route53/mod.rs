//! Hosted zones and their records (Amazon Route 53 API reference). They are remembered: names of the stack lead to this machine
//! by other means, and what waits for a record finds it.
//!
//! A set of records is a record of its own (`ZONE name TYPE identifier`), since Terraform changes several sets of a zone at a
//! time.

mod changes;
mod names;
mod records;
mod zones;

use crate::aws::action::Action;

pub(super) const ACTIONS: &[Action] = &[
    Action { name: "ChangeResourceRecordSets", decide: records::change },
    Action { name: "ChangeTagsForResource", decide: zones::change_tags },
    Action { name: "CreateHostedZone", decide: zones::create },
    Action { name: "DeleteHostedZone", decide: zones::delete },
    Action { name: "GetChange", decide: zones::get_change },
    Action { name: "GetHostedZone", decide: zones::get },
    Action { name: "GetHostedZoneCount", decide: zones::count },
    Action { name: "ListHostedZones", decide: zones::list },
    Action { name: "ListHostedZonesByName", decide: zones::list_by_name },
    Action { name: "ListResourceRecordSets", decide: records::list },
    Action { name: "ListTagsForResource", decide: zones::list_tags },
    Action { name: "UpdateHostedZoneComment", decide: zones::update_comment },
];
