//! Resources of the other services (Service Authorization Reference, the page of each).

use super::super::asked::Asked;
use super::super::call::Call;
use super::super::input;
use super::arns::arn;

pub(super) fn of(call: &Call<'_>, action: &str) -> Vec<Asked> {
    let given = call.input;
    let one = |resource: Option<String>| resource.map(|arn| Asked::on(action, arn)).into_iter().collect::<Vec<_>>();
    match call.service.signing_name {
        "secretsmanager" => secrets(call, action),
        "ssm" => {
            let names = ["Name"].iter().filter_map(|member| input::text(given, member)).map(str::to_owned);
            let of_tags = input::text(given, "ResourceId").map(str::to_owned);
            let path = input::text(given, "Path").map(str::to_owned);
            let all = names.chain(input::texts(given, "Names")).chain(of_tags).chain(path);
            all.map(|name| Asked::on(action, parameter(&name))).collect()
        }
        "logs" => {
            let group = input::text(given, "logGroupName").map(str::to_owned).or_else(|| {
                let arn = ["logGroupIdentifier", "resourceArn"].iter().find_map(|member| input::text(given, member))?;
                Some(arn.rsplit_once(":log-group:").map_or(arn, |(_, name)| name).trim_end_matches(":*").to_owned())
            });
            let group = group.unwrap_or_default();
            let stream = input::text(given, "logStreamName").unwrap_or_default();
            // Policies name a group with and without `:*`.
            let whole = arn("logs", &format!("log-group:{group}:log-stream:{stream}"));
            vec![Asked::on(action, whole).or(arn("logs", &format!("log-group:{group}")))]
        }
        "acm" => match call.action {
            "RequestCertificate" | "ImportCertificate" => one(Some(arn("acm", "certificate/*"))),
            _ => one(input::text(given, "CertificateArn").map(str::to_owned)),
        },
        // Its ARNs have no region and no account.
        "route53" => {
            let member = |name: &str| input::text(given, name).map(|id| id.trim_start_matches('/').to_owned());
            let id = member("Id").map(|id| match (call.action, id.contains('/')) {
                (_, true) => id,
                ("GetChange", false) => format!("change/{id}"),
                (_, false) => format!("hostedzone/{id}"),
            });
            let tagged = || Some(format!("{}/{}", member("ResourceType")?, member("ResourceId")?));
            one(id.or_else(tagged).map(|resource| format!("arn:aws:route53:::{resource}")))
        }
        "ecr" => {
            let name = input::text(given, "repositoryName").map(str::to_owned);
            let names = name.into_iter().chain(input::texts(given, "repositoryNames"));
            let arns = names.map(|name| arn("ecr", &format!("repository/{name}")));
            let tagged = input::text(given, "resourceArn").map(str::to_owned);
            arns.chain(tagged).map(|arn| Asked::on(action, arn)).collect()
        }
        "servicediscovery" => {
            let kind = if call.action.contains("Namespace") { "namespace" } else { "service" };
            let id = ["Id", "ServiceId"].iter().find_map(|member| input::text(given, member));
            let tagged = input::text(given, "ResourceARN").map(str::to_owned);
            one(tagged.or(id.map(|id| arn("servicediscovery", &format!("{kind}/{id}")))))
        }
        "codedeploy" => {
            let application = input::text(given, "applicationName");
            let resource = match (application, input::text(given, "deploymentGroupName")) {
                (Some(application), Some(group)) => Some(format!("deploymentgroup:{application}/{group}")),
                (Some(application), None) => Some(format!("application:{application}")),
                (None, _) => None,
            };
            one(resource.map(|resource| arn("codedeploy", &resource)))
        }
        _ => Vec::new(),
    }
}

/// By the whole ARN if it is known. A policy that names a secret matches it by whatever name it is asked for; messages repeat
/// what was asked for.
fn secrets(call: &Call<'_>, action: &str) -> Vec<Asked> {
    let given = call.input;
    let name = input::text(given, "SecretId").or_else(|| input::text(given, "Name"));
    let Some(name) = name else { return vec![Asked::on_all(action).unnamed()] };
    let asked = match name.starts_with("arn:") {
        true => Asked::on(action, name),
        // The letters that follow the name are not known before it is created.
        false => Asked::on(action, arn("secretsmanager", &format!("secret:{name}-AAAAAA"))).shown_as(name),
    };
    vec![match input::text(given, "VersionStage") {
        Some(stage) => asked.with("secretsmanager:VersionStage", stage),
        None => asked,
    }]
}

/// A leading slash is not doubled.
fn parameter(name: &str) -> String {
    match name.starts_with("arn:") {
        true => name.to_owned(),
        false => arn("ssm", &format!("parameter/{}", name.trim_start_matches('/'))),
    }
}
