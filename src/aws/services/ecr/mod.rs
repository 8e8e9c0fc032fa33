//! Amazon ECR: repositories are records, and the images in them are the registry's.

mod authorization;
mod faults;
mod images;
mod policies;
mod put_image;
mod repositories;
mod repository;
mod settings;
mod tagging;

use crate::aws::action::Action;

pub(in crate::aws) use put_image::tag_is_kept;
pub(in crate::aws) use repository::Repository;

pub(super) const ACTIONS: &[Action] = &[
    Action { name: "BatchCheckLayerAvailability", decide: images::layers },
    Action { name: "BatchDeleteImage", decide: images::delete },
    Action { name: "BatchGetImage", decide: images::get },
    Action { name: "CreateRepository", decide: repositories::create },
    Action { name: "DeleteLifecyclePolicy", decide: policies::delete_lifecycle },
    Action { name: "DeleteRepository", decide: repositories::delete },
    Action { name: "DeleteRepositoryPolicy", decide: policies::delete_repository },
    Action { name: "DescribeImages", decide: images::describe },
    Action { name: "DescribeRepositories", decide: repositories::describe },
    Action { name: "GetAuthorizationToken", decide: authorization::get },
    Action { name: "GetLifecyclePolicy", decide: policies::get_lifecycle },
    Action { name: "GetRepositoryPolicy", decide: policies::get_repository },
    Action { name: "ListImages", decide: images::list },
    Action { name: "ListTagsForResource", decide: tagging::list },
    Action { name: "PutImage", decide: put_image::put },
    Action { name: "PutImageScanningConfiguration", decide: settings::scanning },
    Action { name: "PutImageTagMutability", decide: settings::mutability },
    Action { name: "PutLifecyclePolicy", decide: policies::put_lifecycle },
    Action { name: "SetRepositoryPolicy", decide: policies::set_repository },
    Action { name: "TagResource", decide: tagging::tag },
    Action { name: "UntagResource", decide: tagging::untag },
];
